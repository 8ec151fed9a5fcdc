/**
 * The transaction that a peer is offered: envelope, parameters and content, those alone that it understands
 * (RFC 3461 section 5, RFC 6152, RFC 6531), in the order in which Postfix says them.
 */
import { parseMailbox } from '../protocol/smtp/path.ts';
import type { QueueItem } from '../store/queue.ts';
import { OutgoingText } from './outgoing-text.ts';
import type { OutgoingMessage, SmtpSession } from './smtp-session.ts';

const CONTROLS = /[\x00-\x1f\x7f]/;
const DOMAIN = /^[^\s<>()[\]\\,;:@"]+$|^\[[^\s<>[\]\\@"]+\]$/;

/**
 * An address as it is said between angle brackets, its local part in quotes where it needs them (Postfix:
 * quote_821_local); null where there is no way to say it.
 */
function spokenAddress(address: string): string | null {
  if (address === '' || CONTROLS.test(address)) return address === '' ? '' : null;
  const spoken = parseMailbox(address, false);
  if (spoken !== null) return spoken;
  const at = address.lastIndexOf('@');
  const domain = at < 0 ? '' : address.slice(at + 1);
  const local = at < 0 ? address : address.slice(0, at);
  if (at >= 0 && !DOMAIN.test(domain)) return null;
  return `"${local.replace(/["\\]/g, '\\$&')}"${at < 0 ? '' : `@${domain}`}`;
}

export const isSpeakable = ({ recipient, reversePath }: QueueItem): boolean =>
  spokenAddress(recipient) !== null && spokenAddress(reversePath) !== null && recipient !== '';

/** What the transaction needs to know of the session and of main.cf. */
export interface OutgoingOptions {
  /** smtp_line_length_limit; 0 has no limit. */
  readonly lineLimit: number;
}

export function outgoing(
  items: readonly [QueueItem, ...QueueItem[]],
  session: SmtpSession,
  octets: AsyncIterable<Buffer>,
  options: OutgoingOptions,
): OutgoingMessage {
  const [first] = items;
  const dsn = session.offers('DSN');
  const parameters = [
    session.offers('SIZE') ? `SIZE=${first.size}` : '',
    session.offers('8BITMIME') && first.body === '8BITMIME' ? 'BODY=8BITMIME' : '',
    dsn && first.envid !== '' ? `ENVID=${first.envid}` : '',
    dsn && first.ret !== '' ? `RET=${first.ret}` : '',
    first.smtputf8 && session.offers('SMTPUTF8') ? 'SMTPUTF8' : '',
  ];
  return {
    mail: [`MAIL FROM:<${spokenAddress(first.reversePath)}>`, ...parameters].filter(Boolean).join(' '),
    recipients: items.map((item) => `RCPT TO:<${spokenAddress(item.recipient)}>${dsn ? recipientParameters(item) : ''}`),
    body: bodyOf(octets, new OutgoingText(options.lineLimit)),
  };
}

async function* bodyOf(octets: AsyncIterable<Buffer>, text: OutgoingText): AsyncGenerator<readonly Uint8Array[]> {
  for await (const chunk of octets) yield text.push(chunk);
  yield text.end();
}

function recipientParameters(item: QueueItem): string {
  const orcpt = item.orcpt !== '' ? item.orcpt : item.original === '' ? '' : `rfc822;${encodeXtext(spokenAddress(item.original) ?? item.original)}`;
  const notify = item.notify.length === 0 ? '' : ` NOTIFY=${item.notify.join(',')}`;
  return `${orcpt === '' ? '' : ` ORCPT=${orcpt}`}${notify}`;
}

/** RFC 3461 section 4. Characters beyond ASCII as the octets of their UTF-8. */
const encodeXtext = (text: string): string =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^!-*,-<>-~]/g, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
