/** The subjects for a session's refusals, and a session's log line. */
import { type Connection, type Question, type Server, type Subject, trace } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';
import { isRouted } from '../../src/lookup/address-resolving.ts';
import { logAddress } from '../../src/lookup/log-address.ts';
import { namesInclude } from '../../src/lookup/name-list.ts';
import { domainOf, unquoted } from '../../src/mail/address.ts';

/** `name[address]`, as Postfix writes a client; with smtpd_client_port_logging also `:port`. */
function clientName({ remote, parameters }: Connection): string {
  const client = `${remote.name}[${remote.ip}]`;
  return parameters.boolean('smtpd_client_port_logging') ? `${client}:${remote.port}` : client;
}

export const clientSubject = (connection: Connection): Subject => ({
  name: clientName(connection),
  kind: 'Client host',
});
export const heloSubject = (helo: string): Subject => ({ name: helo, kind: 'Helo command' });
export const senderSubject = (sender: string): Subject => ({ name: unquoted(sender), kind: 'Sender address' });
export const recipientSubject = (recipient: string): Subject => ({
  name: unquoted(recipient),
  kind: 'Recipient address',
});

/** The address given in RCPT TO; null if there is not exactly one recipient. */
export const recipientOf = (question: Question): string | null => question.recipient?.original ?? null;

/** `action: RCPT from name[ip]: text; from=<> to=<> proto=SMTP helo=<x>`, as in Postfix's log. */
export function logAction(server: Server, question: Question, action: string, text: string): void {
  const { connection, stage } = question;
  const form = logAddress(connection.parameters);
  const parts = [
    ...(question.sender === null ? [] : [`from=<${form(question.sender)}>`]),
    ...(question.recipient === null ? [] : [`to=<${form(question.recipient.original)}>`]),
    `proto=${connection.protocol}`,
    ...(question.helo === null ? [] : [`helo=<${question.helo}>`]),
  ];
  const { transaction } = connection;
  const queueId = transaction !== null && transaction.recipients.length > 0 ? transaction.queueId : 'NOQUEUE';
  const line = `${queueId}: ${action}: ${stage} from ${clientName(connection)}: ${text}; ${parts.join(' ')}`;
  server.log.info({ session: connection.id, action }, line.replace(/[\0-\x1f\x7f]/g, '?').slice(0, 2000));
}

/**
 * A permit, for smtpd_log_access_permit_actions. `action`: the word as it is written in the list or table; `source`:
 * ` from TABLE`, or nothing.
 */
export function logPermit(server: Server, question: Question, action: string, source = ''): void {
  const actions = question.connection.parameters.list('smtpd_log_access_permit_actions');
  if (actions.length === 0 || trace()?.hypothetical === true) return;
  const { kind, name } = question.subject;
  const tell = (isListed: boolean): void => {
    if (isListed) logAction(server, question, 'permit', `action=${action} for ${kind}=${name} ${source}`);
  };
  try {
    const listed = namesInclude(actions, action, server.tables);
    if (listed instanceof Promise) listed.then(tell).catch((error: unknown) => unlisted(server, error));
    else tell(listed);
  } catch (error) {
    unlisted(server, error);
  }
}

const unlisted = (server: Server, error: unknown): void =>
  server.log.warn({ err: error }, `smtpd_log_access_permit_actions: ${messageOf(error)}`);

/**
 * The destination of an address: `ours` (local or in relay_domains), `routed` through us by its local part, or
 * `elsewhere`.
 */
export async function destinationOf(
  server: Server,
  { connection: { parameters } }: Pick<Question, 'connection'>,
  address: string,
): Promise<'ours' | 'routed' | 'elsewhere'> {
  const whole = await server.domains.resolve(address);
  if ((await server.domains.classify(domainOf(whole))) === 'default') return 'elsewhere';
  return isRouted(whole) && !parameters.boolean('allow_untrusted_routing') ? 'routed' : 'ours';
}
