/** Restrictions on the client: its network, its login, its names, its connection. One row each. */
import { DUNNO, type Outcome, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { networksOf } from '../../src/lookup/service-networks.ts';
import { fingerprintKeys } from './client-certificate.ts';
import { lookupFault, makeReply } from './refusal.ts';

const PERMIT_CLIENT: Outcome = { kind: 'permit', relay: 'client' };
/** The lists that the start prints say that such a client may relay. */
const PERMIT_CERTIFICATE: Outcome = { kind: 'permit', relay: 'list' };
const permitIf = (granted: boolean): Outcome => (granted ? PERMIT_CLIENT : DUNNO);

export function clientRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const mynetworks = networksOf(server, 'mynetworks');

  const unknownClient: Restriction = {
    check: ({ connection: { parameters, remote } }) => {
      if (remote.name !== 'unknown') return DUNNO;
      const code = remote.nameStatus === 'tempfail' ? 450 : parameters.number('unknown_client_reject_code');
      return {
        kind: 'reject',
        reply: makeReply(code, '4.7.25', `Client host rejected: cannot find your hostname, [${remote.ip}]`),
      };
    },
  };

  return {
    permit_mynetworks: {
      check: ({ connection: { parameters, remote } }) => {
        const inside = mynetworks(parameters)(remote.ip, remote.name);
        return inside instanceof Promise ? inside.then(permitIf) : permitIf(inside);
      },
    },
    permit_inet_interfaces: { check: ({ connection: { remote, local } }) => permitIf(remote.ip === local.ip) },
    permit_sasl_authenticated: { check: ({ connection }) => permitIf(connection.user !== null) },
    permit_tls_clientcerts: {
      check: async (question) => {
        const { connection } = question;
        for (const name of connection.parameters.list('relay_clientcerts'))
          for (const key of fingerprintKeys(connection)) {
            try {
              const table = server.tables.open(name);
              if ((await table.get(table.wholeKeyOnly ? key : key.toLowerCase())) !== undefined)
                return PERMIT_CERTIFICATE;
            } catch (error) {
              return lookupFault(server, question, `${name}: ${messageOf(error)}`, error, connection.remote.name);
            }
          }
        return DUNNO;
      },
    },
    permit_tls_all_clientcerts: {
      check: ({ connection: { tls } }) => (tls?.peer?.trusted === true ? PERMIT_CERTIFICATE : DUNNO),
    },
    reject_unknown_client_hostname: unknownClient,
    reject_unknown_client: unknownClient,
    reject_unknown_forward_client_hostname: unknownClient,
    reject_unknown_reverse_client_hostname: {
      check: ({ connection: { parameters, remote } }) => {
        if (remote.reverseName !== 'unknown') return DUNNO;
        const code = remote.nameStatus === 'tempfail' ? 450 : parameters.number('unknown_client_reject_code');
        return {
          kind: 'reject',
          reply: makeReply(code, '4.7.1', `Client host rejected: cannot find your reverse hostname, [${remote.ip}]`),
        };
      },
    },
    reject_plaintext_session: {
      check: ({ connection: { parameters, tls } }) =>
        tls === null
          ? {
              kind: 'reject',
              reply: makeReply(parameters.number('plaintext_reject_code'), '4.7.1', 'Session encryption is required'),
            }
          : DUNNO,
    },
  };
}
