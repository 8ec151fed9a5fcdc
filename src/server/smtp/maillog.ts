/**
 * The log lines of a session (requirement P19) as Postfix writes them to /var/log/maillog, without date and process.
 */
import type { Connection } from '../../bus/hook.ts';
import { logAddress } from '../../lookup/log-address.ts';
import { formatReply, type Reply } from '../../mail/status.ts';
import type { ClientAttributes } from '../../protocol/smtp/client-attributes.ts';
import { encodeReply } from '../../protocol/smtp/reply.ts';

/** For mail that never has a queue id here: it is refused, or goes through a filter before the queue. */
const NO_QUEUE = 'NOQUEUE';

/** `name[ip]`, with smtpd_client_port_logging `name[ip]:port`: how logs and replies refer to a client. */
export const clientOf = ({ remote, parameters }: Connection): string =>
  parameters.boolean('smtpd_client_port_logging')
    ? `${remote.name}[${remote.ip}]:${remote.port}`
    : `${remote.name}[${remote.ip}]`;

/**
 * `NOQUEUE: reject: RCPT from client: 554 5.7.1 …; from=<> to=<> proto=ESMTP helo=<>`; `recipient` is '' if there is
 * none.
 */
export const rejectLine = (connection: Connection, stage: string, refusal: Reply, recipient: string): string =>
  rejection(connection, stage, formatReply(refusal), recipient);

/** The same for smtpd_forbid_bare_newline = reject. */
export const bareLfLine = (connection: Connection, stage: string): string =>
  rejection(connection, stage, 'bare <LF> received', connection.transaction?.recipients[0]?.address ?? '');

/** What a milter says: `NOQUEUE: milter-reject: MAIL from client: 550 5.7.1 …; from=<> proto=ESMTP`. */
export const milterLine = (
  connection: Connection,
  action: string,
  stage: string,
  words: string,
  recipient: string,
): string => rejection(connection, stage, words, recipient, action);

/** What the filter before the queue says of a whole message: `proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok; from=…`. */
export function proxyLine(connection: Connection, answer: Reply): string {
  const words = encodeReply(answer)
    .trimEnd()
    .replace(/[\r\n]/g, '?');
  const recipient = connection.transaction?.recipients[0]?.original ?? '';
  return `proxy-${answer.code < 300 ? 'accept' : 'reject'}: END-OF-MESSAGE: ${words};${about(connection, recipient)}`;
}

function rejection(connection: Connection, stage: string, words: string, recipient: string, action = 'reject'): string {
  const { transaction } = connection;
  const queueId = transaction !== null && transaction.recipients.length > 0 ? transaction.queueId : '';
  return `${queueId || NO_QUEUE}: ${action}: ${stage} from ${clientOf(connection)}: ${words};${about(connection, recipient)}`;
}

function about({ transaction, protocol, helo, parameters }: Connection, recipient: string): string {
  const form = logAddress(parameters);
  const from = transaction === null ? '' : ` from=<${form(transaction.reversePath)}>`;
  const to = recipient === '' ? '' : ` to=<${form(recipient)}>`;
  const greeted = helo === null ? '' : ` helo=<${helo}>`;
  return `${from}${to} proto=${protocol}${greeted}`;
}

/** `QUEUEID: client=name[ip], sasl_method=PLAIN, sasl_username=maomao`, and what XFORWARD said. */
export function clientLine(
  connection: Connection,
  queueId: string,
  forwarded: ClientAttributes,
  saslSender: string,
): string {
  const { user } = connection;
  const sender = saslSender === '' ? '' : `, sasl_sender=${saslSender}`;
  const login = user === null ? '' : `, sasl_method=${user.mechanism}, sasl_username=${user.login}${sender}`;
  const ident = forwarded.get('IDENT')?.value;
  const before = ident == null ? '' : `, orig_queue_id=${ident}`;
  const address = forwarded.get('ADDR')?.value;
  const origin =
    forwarded.has('NAME') || forwarded.has('ADDR')
      ? `, orig_client=${forwarded.get('NAME')?.value ?? 'unknown'}${address == null ? '' : `[${address}]`}`
      : '';
  return `${queueId || NO_QUEUE}: client=${clientOf(connection)}${login}${before}${origin}`;
}

export function tlsLine(connection: Connection, tls: NonNullable<Connection['tls']>): string {
  const { protocol, cipher, bits, peer, chosenBy } = tls;
  const to = chosenBy === '' ? '' : ` to ${chosenBy.replace(/[^\x21-\x7e]/g, '?')}`;
  const whose = peer === null ? 'Anonymous' : peer.trusted ? 'Trusted' : 'Untrusted';
  return `${whose} TLS connection established from ${clientOf(connection)}${to}: ${protocol} with cipher ${cipher} (${bits}/${bits} bits)`;
}
