/**
 * The transaction offered to a peer: envelope, parameters and content, limited to what the peer supports (RFC 3461
 * section 5, RFC 6152, RFC 6531), in Postfix's order.
 */
import { isAscii } from 'node:buffer';
import { unquoteLocalPart } from '../../mail/local-part.ts';
import { SevenBitConverter } from '../../protocol/mime/seven-bit.ts';
import { parseMailbox } from '../../protocol/smtp/mailbox.ts';
import { encodeXtext } from '../../protocol/smtp/xtext.ts';
import type { QueueItem } from '../../store/queue.ts';
import type { ContentFilter } from '../checks/content-filter.ts';
import { CheckUnavailable } from '../checks/rules.ts';
import { OutgoingText } from './outgoing-text.ts';
import type { OutgoingMessage, SmtpSession } from './smtp-session.ts';
import { SessionFault } from './smtp-session-fault.ts';
import { xforwardCommands } from './xforward.ts';

const CONTROLS = /[\x00-\x1f\x7f]/;
const DOMAIN = /^[^\s<>()[\]\\,;:@"]+$|^\[[^\s<>[\]\\@"]+\]$/;

/**
 * An address as written between angle brackets, with its local part quoted if necessary (Postfix: quote_821_local);
 * null if it cannot be expressed.
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

/** As it is meant, whatever a server makes of it. */
const unquoted = (address: string): string => {
  const at = address.lastIndexOf('@');
  return at < 0 ? unquoteLocalPart(address) : unquoteLocalPart(address.slice(0, at)) + address.slice(at);
};

export const isSpeakable = ({ recipient, reversePath }: QueueItem): boolean =>
  spokenAddress(recipient) !== null && spokenAddress(reversePath) !== null && recipient !== '';

/** A body labelled 8bit or binary; searched for, as Postfix's cleanup(8) does, in the part of the message at hand. */
const EIGHT_BIT_LABEL = /^content-transfer-encoding[ \t]*:[ \t]*(?:8bit|binary)\r?$/im;
const saysEightBit = (head: Buffer): boolean => !isAscii(head) && EIGHT_BIT_LABEL.test(head.toString('latin1'));

/** Settings of the session and of main.cf that the transaction needs. */
export interface OutgoingOptions {
  /** disable_mime_output_conversion is off. */
  readonly converts: boolean;
  /** detect_8bit_encoding_header */
  readonly readsLabel: boolean;
  /** smtp_line_length_limit; 0 means no limit. */
  readonly lineLimit: number;
  /** smtp_quote_rfc821_envelope */
  readonly quotes: boolean;
  /** smtp_send_dummy_mail_auth */
  readonly namesNoLogin: boolean;
  /** smtp_send_xforward_command */
  readonly forwardsClient: boolean;
  /** mime_nesting_limit */
  readonly nestingLimit: number;
  /** Changes the message as smtp_header_checks and the like say. */
  readonly filter: ContentFilter | null;
}

export interface OutgoingContent {
  /** The beginning of the message; all of a short one. */
  readonly head: Buffer;
  /** The whole message, including the head. */
  readonly octets: AsyncIterable<Buffer>;
}

export function outgoing(
  items: readonly [QueueItem, ...QueueItem[]],
  session: SmtpSession,
  content: OutgoingContent,
  options: OutgoingOptions,
): OutgoingMessage {
  const [first] = items;
  const eightBit = session.offers('8BITMIME');
  const converted = options.converts && !eightBit;
  const dsn = session.offers('DSN');
  const written = options.quotes ? spokenAddress : unquoted;
  const parameters = [
    // The size after conversion is not known in advance; a probe has none.
    session.offers('SIZE') && !converted && first.size > 0 ? `SIZE=${first.size}` : '',
    eightBit && (first.body === '8BITMIME' || (options.readsLabel && saysEightBit(content.head)))
      ? 'BODY=8BITMIME'
      : '',
    dsn && first.envid !== '' ? `ENVID=${first.envid}` : '',
    dsn && first.ret !== '' ? `RET=${first.ret}` : '',
    first.smtputf8 && session.offers('SMTPUTF8') ? 'SMTPUTF8' : '',
    options.namesNoLogin && session.offers('AUTH') ? 'AUTH=<>' : '',
  ];
  return {
    before: options.forwardsClient ? xforwardCommands(first.client, session.xforward) : [],
    mail: [`MAIL FROM:<${written(first.reversePath)}>`, ...parameters].filter(Boolean).join(' '),
    recipients: items.map((item) => `RCPT TO:<${written(item.recipient)}>${dsn ? recipientParameters(item) : ''}`),
    body: bodyOf(
      filtered(options.filter, converted ? sevenBit(content.octets, options.nestingLimit) : content.octets),
      new OutgoingText(options.lineLimit),
    ),
  };
}

async function* bodyOf(octets: AsyncIterable<Buffer>, text: OutgoingText): AsyncGenerator<readonly Uint8Array[]> {
  for await (const chunk of octets) yield text.push(chunk);
  yield text.end();
}

async function* sevenBit(octets: AsyncIterable<Buffer>, nestingLimit: number): AsyncGenerator<Buffer> {
  const converter = new SevenBitConverter(nestingLimit);
  for await (const chunk of octets) {
    yield converter.push(chunk);
    if (converter.tooDeep) throw tooDeep();
  }
  yield converter.end();
}

/** Multiparts stand deeper in each other than Postfix allows. */
export const tooDeep = (): SessionFault =>
  new SessionFault('body', { kind: 'policy', enhanced: '5.6.0', words: 'MIME nesting exceeds safety limit' });

const filtered = (filter: ContentFilter | null, octets: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
  filter === null ? octets : through(filter, octets);

async function* through(filter: ContentFilter, octets: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of octets) yield await filter.push(chunk);
    yield await filter.end();
  } catch (error) {
    if (!(error instanceof CheckUnavailable)) throw error;
    throw new SessionFault('body', { kind: 'policy', enhanced: '4.3.0', words: `${error.parameter} lookup problem` });
  }
}

function recipientParameters(item: QueueItem): string {
  const orcpt =
    item.orcpt !== ''
      ? item.orcpt
      : item.original === ''
        ? ''
        : `rfc822;${encodeXtext(spokenAddress(item.original) ?? item.original)}`;
  const notify = item.notify.length === 0 ? '' : ` NOTIFY=${item.notify.join(',')}`;
  return `${orcpt === '' ? '' : ` ORCPT=${orcpt}`}${notify}`;
}
