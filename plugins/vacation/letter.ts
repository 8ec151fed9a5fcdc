/** The reply itself (RFC 3834 section 3, RFC 5230 section 4.7). */
import type { PluginMail } from '../../src/bus/plugin.ts';
import type { Address } from '../../src/mail/address.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import type { Header } from '../../src/protocol/mime/header.ts';
import { base64Lines, fieldText, isPrintableAscii } from '../../src/protocol/mime/written-text.ts';

export interface Reply {
  readonly sender: Address;
  /** Of whoever is away. */
  readonly from: Address;
  /** The name beside it; '' for none. */
  readonly name: string;
  /** '' for `Auto: ` and the subject of what is answered. */
  readonly subject: string;
  readonly text: string;
  readonly answered: Header;
}

const LONGEST_SUBJECT = 200;
const MOST_REFERENCES = 10;
const LONGEST_ID = 250;
/** RFC 5322 section 2.1.1, for text that need not be encoded. */
const LONGEST_LINE = 900;

export function replyLetter({ sender, from, name, subject, text, answered }: Reply): PluginMail {
  const ids = messageIds(answered.get('Message-ID')).slice(0, 1);
  const before = messageIds(answered.get('References') ?? answered.get('In-Reply-To'));
  const references = [...before, ...ids].slice(-MOST_REFERENCES);
  const own = decodeWords(answered.get('Subject') ?? '').slice(0, LONGEST_SUBJECT);
  const lines = text.replace(/\r\n?/g, '\n').trimEnd().split('\n');
  const isPlain = lines.every((line) => isPrintableAscii(line) && line.length <= LONGEST_LINE);
  return {
    // Nobody may answer it, and nothing comes back (RFC 3834 section 3.3).
    from: '',
    to: [sender],
    message: [
      `From: ${name === '' ? '' : `${phrase(name)} `}<${from}>`,
      `To: <${sender}>`,
      `Subject: ${fieldText(subject === '' ? `Auto: ${own}`.trimEnd() : subject)}`,
      ...ids.map((id) => `In-Reply-To: ${id}`),
      ...(references.length === 0 ? [] : [`References: ${references.join('\r\n ')}`]),
      'Auto-Submitted: auto-replied',
      'X-Auto-Response-Suppress: All',
      'MIME-Version: 1.0',
      `Content-Type: text/plain; charset=${isPlain ? 'us-ascii' : 'utf-8'}`,
      `Content-Transfer-Encoding: ${isPlain ? '7bit' : 'base64'}`,
      '',
      isPlain ? lines.join('\r\n') : base64Lines(Buffer.from(`${lines.join('\r\n')}\r\n`)),
      '',
    ].join('\r\n'),
  };
}

const messageIds = (text: string | null): readonly string[] =>
  (text?.match(/<[\x21-\x3b\x3d\x3f-\x7e]+>/g) ?? []).filter(({ length }) => length <= LONGEST_ID);

const phrase = (name: string): string =>
  isPrintableAscii(name) && !name.includes('=?') ? `"${name.replace(/["\\]/g, '\\$&')}"` : fieldText(name);
