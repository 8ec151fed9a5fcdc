/** The XFORWARD commands (XFORWARD_README) that tell the filter before the queue of whom the message is. */
import { attributesOf } from '../../../delivery/client/xforward.ts';
import type { ClientOrigin } from '../../../mail/client-origin.ts';
import { XFORWARD } from '../../../protocol/smtp/client-attributes.ts';
import type { PeerReply } from '../../../protocol/smtp/reply-reader.ts';
import { encodeXtext } from '../../../protocol/smtp/xtext.ts';

/** RFC 5321 section 4.5.3.1.4, without the line's end. */
const LONGEST = 510;
const ORDER = ['NAME', 'ADDR', 'PORT', 'HELO', 'IDENT', 'PROTO', 'SOURCE'] as const;

/** The attributes that the reply to EHLO offers. */
export function offeredAttributes({ lines }: PeerReply): ReadonlySet<string> {
  const words = lines.map((line) => line.slice(4).trim().toUpperCase().split(/\s+/));
  return new Set(words.find(([keyword]) => keyword === 'XFORWARD')?.filter((word) => Object.hasOwn(XFORWARD, word)));
}

export function xforwardLines(origin: ClientOrigin, offered: ReadonlySet<string>): readonly string[] {
  const lines: string[] = [];
  let line = 'XFORWARD';
  const attributes = attributesOf(origin);
  for (const name of ORDER) {
    if (!offered.has(name)) continue;
    const value = attributes[name];
    const word = ` ${name}=${value == null ? '[UNAVAILABLE]' : encodeXtext(value)}`;
    if (line.length + word.length > LONGEST) {
      lines.push(line);
      line = 'XFORWARD';
    }
    line += word;
  }
  return line === 'XFORWARD' ? lines : [...lines, line];
}
