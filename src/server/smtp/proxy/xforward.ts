/** The XFORWARD commands (XFORWARD_README) that tell the filter before the queue of whom the message is. */
import type { Connection } from '../../../bus/hook.ts';
import type { ClientAttributes } from '../../../protocol/smtp/client-attributes.ts';
import { XFORWARD } from '../../../protocol/smtp/client-attributes.ts';
import type { PeerReply } from '../../../protocol/smtp/reply-reader.ts';
import { encodeXtext } from '../../../protocol/smtp/xtext.ts';

/** In the order in which Postfix sends them; null: not known. */
export type Origin = ReadonlyMap<string, string | null>;

/** RFC 5321 section 4.5.3.1.4, without the line's end. */
const LONGEST = 510;
const ORDER = ['NAME', 'ADDR', 'PORT', 'HELO', 'IDENT', 'PROTO', 'SOURCE'] as const;

const known = (text: string): string | null => (text === 'unknown' || text === '' ? null : text);

/** What the client itself said by XFORWARD goes on as it came. */
export function originOf(connection: Connection, forwarded: ClientAttributes, isLocal: boolean): Origin {
  const source = isLocal ? 'LOCAL' : 'REMOTE';
  if (forwarded.size > 0)
    return new Map(ORDER.map((name) => [name, forwarded.get(name)?.value ?? (name === 'SOURCE' ? source : null)]));
  const { remote, helo, protocol } = connection;
  return new Map<string, string | null>([
    ['NAME', known(remote.name)],
    ['ADDR', known(remote.ip.includes(':') ? `IPV6:${remote.ip}` : remote.ip)],
    ['PORT', remote.port === 0 ? null : String(remote.port)],
    ['HELO', helo],
    ['IDENT', null],
    ['PROTO', protocol],
    ['SOURCE', source],
  ]);
}

/** The attributes that the reply to EHLO offers. */
export function offeredAttributes({ lines }: PeerReply): ReadonlySet<string> {
  const words = lines.map((line) => line.slice(4).trim().toUpperCase().split(/\s+/));
  return new Set(words.find(([keyword]) => keyword === 'XFORWARD')?.filter((word) => Object.hasOwn(XFORWARD, word)));
}

export function xforwardLines(origin: Origin, offered: ReadonlySet<string>): readonly string[] {
  const lines: string[] = [];
  let line = 'XFORWARD';
  for (const [name, value] of origin) {
    if (!offered.has(name)) continue;
    const word = ` ${name}=${value === null ? '[UNAVAILABLE]' : encodeXtext(value)}`;
    if (line.length + word.length > LONGEST) {
      lines.push(line);
      line = 'XFORWARD';
    }
    line += word;
  }
  return line === 'XFORWARD' ? lines : [...lines, line];
}
