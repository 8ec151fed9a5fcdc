/**
 * The session of a client that does not exist, on a real SMTP server of its own: what limits count there, nobody else
 * sees.
 */
import { isIP } from 'node:net';
import type { Hypothetical } from '../../admin/explanation.ts';
import { OperationError } from '../../admin/operation.ts';
import type { Service } from '../../config/configuration.ts';
import { ownDomains } from '../../lookup/find-account.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { findAccount } from '../../server/login/find-account.ts';
import { NO_LOGINS } from '../../server/login/no-logins.ts';
import { HypotheticalWire, type Script } from '../../server/smtp/hypothetical-wire.ts';
import { SmtpServer } from '../../server/smtp/server.ts';
import { readSettings } from '../../server/smtp/settings.ts';
import type { KnownClient } from '../../server/smtp/wire.ts';
import type { Directory } from '../../store/directory.ts';
import { type SmtpServing, smtpOptions } from '../generation.ts';
import { type ExplainParts, QUEUE_ID } from './parts.ts';

/** What is assumed of a connection that must be encrypted. */
export const TLS: NonNullable<KnownClient['tls']> = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  serverName: '',
  chosenBy: '',
  isAsked: false,
  peer: null,
};

export interface Opened {
  readonly service: Service;
  readonly ip: string;
  readonly known: KnownClient;
  readonly assumed: readonly string[];
}

/** Rejects with OperationError if the question makes no sense. */
export async function openSession(asked: Hypothetical, ip: string, parts: ExplainParts): Promise<Opened> {
  if (isIP(ip) === 0) throw new OperationError(`--client ${ip}: expected an IP address`);
  const { configuration } = parts.foundation;
  const service = serviceOf(asked, configuration.services);
  const user = asked.user === null ? null : await userOf(asked.user, configuration.parameters, parts.directory);
  const isSecured = service.wrapperMode || user !== null || readSettings(service.parameters).tls === 'encrypt';
  return {
    service,
    ip,
    known: { ...(isSecured ? { tls: TLS } : {}), ...(user === null ? {} : { user }) },
    assumed: [
      ...(isSecured ? ['the connection is encrypted'] : []),
      ...(user === null ? [] : [`logged in as ${user.account.address}`]),
    ],
  };
}

function serviceOf({ service: name, user }: Hypothetical, services: readonly Service[]): Service {
  const smtp = services.filter(({ lmtp }) => !lmtp);
  const found =
    name === null
      ? ((user === null ? undefined : smtp.find((one) => one.name === 'submission')) ?? smtp[0])
      : services.find((one) => one.name === name);
  if (found === undefined)
    throw new OperationError(
      name === null
        ? 'this configuration has no SMTP service'
        : `there is no service ${name}; known are ${services.map((one) => one.name).join(', ')}`,
    );
  return found;
}

async function userOf(
  login: string,
  parameters: ParameterReader,
  directory: Directory,
): Promise<NonNullable<KnownClient['user']>> {
  const account = await findAccount(login, ownDomains(parameters), directory);
  if (account === null) throw new OperationError(`there is no account ${login}; "posthorn user list" shows all`);
  return { login, mechanism: 'PLAIN', account };
}

/** The session, to its end. */
export async function converse(
  asked: Hypothetical,
  { service, ip, known }: Opened,
  { foundation, hooks, receiver, log, clock }: ExplainParts & Pick<SmtpServing, 'hooks' | 'receiver' | 'log'>,
): Promise<void> {
  const smtp = new SmtpServer({
    ...smtpOptions(service, foundation, {
      hooks,
      receiver,
      authenticator: NO_LOGINS,
      tlsOf: () => null,
      proxyOf: () => null,
      newQueueId: () => QUEUE_ID,
      flushDestination: async () => 0,
      freeOctets: () => Number.POSITIVE_INFINITY,
      cluster: null,
      log,
      clock,
    }),
    debugPeers: null,
    sleep: async () => {},
  });
  const local = { ip: service.addresses[0] ?? '127.0.0.1', port: service.port };
  await smtp.play(new HypotheticalWire({ remote: { ip, port: 0 }, local }, scriptOf(asked, service.lmtp)), known);
  await smtp.close(0);
}

/** What the client says. */
const scriptOf = ({ helo, from, to, headers }: Hypothetical, lmtp: boolean): Script =>
  function* (code) {
    yield `${lmtp ? 'LHLO' : 'EHLO'} ${helo}`;
    const utf8 = /[^\0-\x7f]/.test([from, ...to].join('')) ? ' SMTPUTF8' : '';
    if (code() < 300) yield `MAIL FROM:<${from}>${utf8}`;
    let accepted = 0;
    for (const recipient of code() < 300 ? to : []) {
      yield `RCPT TO:<${recipient}>`;
      if (code() < 300) accepted += 1;
    }
    if (accepted > 0) yield 'DATA';
    if (code() === 354) yield [...headers, '', '.'].join('\r\n');
    yield 'QUIT';
  };
