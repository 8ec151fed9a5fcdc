/** A connection as plain data, for Haraka's process. */
import type { Connection } from '../../src/bus/plugin.ts';
import type { ClientFacts, MailFacts } from './messages.ts';

export function factsOf(connection: Connection): ClientFacts {
  const { id, remote, local, protocol, helo, tls, user, pipelined, hasInput, transaction } = connection;
  return {
    id,
    remote: { ip: remote.ip, port: remote.port, name: remote.name, found: remote.nameStatus },
    local: { ip: local.ip, port: local.port },
    hello: helo === null ? null : { verb: protocol === 'SMTP' ? 'HELO' : 'EHLO', name: helo },
    tls: tls === null ? null : { protocol: tls.protocol, cipher: tls.cipher, verified: tls.peer?.trusted === true },
    user: user === null ? null : { login: user.login, mechanism: user.mechanism },
    pipelined,
    early: pipelined || (helo === null && hasInput),
    mail: transaction === null ? null : mailOf(transaction),
  };
}

function mailOf({
  reversePath,
  announcedSize,
  smtputf8,
  recipients,
}: NonNullable<Connection['transaction']>): MailFacts {
  return {
    from: reversePath,
    parameters: {
      ...(announcedSize > 0 ? { SIZE: String(announcedSize) } : {}),
      ...(smtputf8 ? { SMTPUTF8: null } : {}),
    },
    recipients: recipients.map(({ original }) => original),
  };
}
