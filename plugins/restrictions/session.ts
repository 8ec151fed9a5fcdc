/** The subjects for a session's refusals, and a session's log line. */
import type { Connection, Question, Server, Subject } from '../../src/bus/plugin.ts';
import { isRouted } from '../../src/lookup/address-resolving.ts';
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
  const parts = [
    ...(question.sender === null ? [] : [`from=<${unquoted(question.sender)}>`]),
    ...(question.recipient === null ? [] : [`to=<${unquoted(question.recipient.original)}>`]),
    `proto=${connection.protocol}`,
    ...(question.helo === null ? [] : [`helo=<${question.helo}>`]),
  ];
  const line = `NOQUEUE: ${action}: ${stage} from ${clientName(connection)}: ${text}; ${parts.join(' ')}`;
  server.log.info({ session: connection.id, action }, line.replace(/[\0-\x1f\x7f]/g, '?').slice(0, 2000));
}

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
