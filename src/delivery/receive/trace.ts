/**
 * The header lines that we add: Received (RFC 5321 section 4.4, in exactly the form of Postfix's smtpd), the fields
 * missing from a message of a trusted client (cleanup(8)), and the start of a mailbox row (local(8)). All lines end
 * with CRLF; text from a peer never contains a line break.
 */
import type { Connection, Transaction } from '../../bus/hook.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { commonName } from '../../protocol/tls/peer.ts';
import { compactDate } from './mail-date.ts';

export interface TraceSettings {
  readonly myhostname: string;
  readonly mailName: string;
  /** `@myorigin`; '' where nothing is appended (append_at_myorigin). */
  readonly appendedOrigin: string;
  /** smtpd_tls_received_header */
  readonly tlsHeader: boolean;
  /** smtpd_sasl_authenticated_header */
  readonly loginHeader: boolean;
  /** header_from_format */
  readonly fromFormat: string;
  /** undisclosed_recipients_header, such as `To: undisclosed-recipients:;`; '' for none. */
  readonly undisclosed: string;
}

/** RFC 3848 and RFC 6531 section 4.3: the `with` protocol. */
function withProtocol(connection: Connection, smtputf8: boolean): string {
  const extended = connection.protocol !== 'SMTP';
  const suffix = extended ? `${connection.tls === null ? '' : 'S'}${connection.user === null ? '' : 'A'}` : '';
  if (smtputf8) return `UTF8${connection.protocol === 'LMTP' ? 'LMTP' : 'SMTP'}${suffix}`;
  return `${connection.protocol}${suffix}`;
}

/** Makes client input printable and single-line, and cuts long words (RFC 5322 section 2.1.1). */
const word = (text: string): string => text.replace(/[\x00-\x1f\x7f()]/g, '?').slice(0, 255);

/** `recipient`: the only one, or null if there are several. `uid`: of the local user who submits it. */
export function receivedLine(
  connection: Connection | null,
  transaction: Pick<Transaction, 'queueId' | 'smtputf8'>,
  recipient: Recipient | null,
  date: string,
  settings: TraceSettings,
  uid?: number,
): string {
  const by = `by ${settings.myhostname} (${settings.mailName})`;
  if (connection === null) {
    const local = uid === undefined ? by : `by ${settings.myhostname} (${settings.mailName}, from userid ${uid})`;
    return `Received: ${local}\r\n\tid ${transaction.queueId}; ${date}\r\n`;
  }
  const { remote, tls, user } = connection;
  let text = `Received: from ${word(connection.helo ?? remote.name)} (${word(remote.name)} [${remote.ip.includes(':') ? 'IPv6:' : ''}${remote.ip}])\r\n`;
  if (tls !== null && settings.tlsHeader) {
    text += `\t(using ${tls.protocol} with cipher ${tls.cipher} (${tls.bits}/${tls.bits} bits))\r\n\t(${certificateWords(tls)})\r\n`;
  }
  if (user !== null && settings.loginHeader) text += `\t(Authenticated sender: ${word(user.login)})\r\n`;
  text += `\t${by} with ${withProtocol(connection, transaction.smtputf8)}${transaction.queueId === '' ? '' : ` id ${transaction.queueId}`}`;
  return recipient === null ? `${text};\r\n\t${date}\r\n` : `${text}\r\n\tfor <${recipient.original}>; ${date}\r\n`;
}

function certificateWords({ isAsked, peer }: NonNullable<Connection['tls']>): string {
  if (!isAsked) return 'No client certificate requested';
  if (peer === null) return 'Client did not present a certificate';
  const { certificate, trusted } = peer;
  const [subject, issuer] = [certificate.subject, certificate.issuer].map((name) => word(commonName(name)));
  return `Client CN "${subject}", Issuer "${issuer}" (${trusted ? 'verified OK' : 'not verified'})`;
}

/** Which of the required fields are present; of a resent message, the Resent- fields (RFC 5322 section 3.6.6). */
export interface PresentFields {
  /** It has Resent- fields: missing ones are added as such. */
  readonly resent: boolean;
  readonly date: boolean;
  readonly from: boolean;
  readonly messageId: boolean;
  readonly destination: boolean;
}

/** Lines for the end of the header, in the order of cleanup(8). `fullName`: of the local user who submits it. */
export function missingLines(
  present: PresentFields,
  transaction: Pick<Transaction, 'queueId' | 'reversePath'>,
  at: number,
  date: string,
  settings: TraceSettings,
  fullName = '',
): string {
  const prefix = present.resent ? 'Resent-' : '';
  let lines = '';
  if (!present.messageId)
    lines += `${prefix}Message-Id: <${compactDate(at)}.${transaction.queueId}@${settings.myhostname}>\r\n`;
  if (!present.date) lines += `${prefix}Date: ${date}\r\n`;
  if (!present.from) {
    const from = transaction.reversePath;
    const address = from === '' ? 'MAILER-DAEMON' : from;
    // As Postfix, which completes no field of a message that is sent again.
    const whole = address.includes('@') || present.resent ? address : `${address}${settings.appendedOrigin}`;
    lines += `${prefix}From: ${fullName === '' ? whole : settings.fromFormat === 'obsolete' ? `${whole} (${comment(fullName)})` : `${phrase(fullName)} <${whole}>`}\r\n`;
  }
  if (!present.destination && settings.undisclosed !== '') lines += `${settings.undisclosed}\r\n`;
  return lines;
}

/** A display name (RFC 5322 section 3.2.5), quoted where it is not made of atoms. */
const phrase = (name: string): string =>
  /^[\w!#$%&'*+\-/=?^`{|}~ \u0080-\uffff]+$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`;

/** RFC 5322 section 3.2.2 */
const comment = (name: string): string => name.replace(/[()\\]/g, '\\$&');

/**
 * The header lines at the start of a recipient's row, in the order of local(8). `namesOriginal`:
 * enable_original_recipient.
 */
export function deliveryPrefix(
  reversePath: string,
  { address, original }: Pick<Recipient, 'address' | 'original'>,
  namesOriginal: boolean,
): string {
  const originally = namesOriginal ? `X-Original-To: ${original === '' ? address : original}\r\n` : '';
  return `Return-Path: <${reversePath}>\r\n${originally}Delivered-To: ${address}\r\n`;
}
