/** Flags of messages (RFC 9051 section 2.3.2). */
import { SYSTEM_FLAGS } from '../../mail/mailbox.ts';
import type { Scanner } from './scanner.ts';
import { RefusedArgumentError } from './syntax-error.ts';

const CANONICAL: ReadonlyMap<string, string> = new Map(SYSTEM_FLAGS.map((flag) => [flag.toLowerCase(), flag]));

/** Limits: number of flags per message, length of each. */
const MAX_FLAGS = 100;
const MAX_LENGTH = 250;

/** One flag: a system flag in its canonical case, or a keyword. `\Recent` cannot be set by a client and is refused. */
function parseFlag(scanner: Scanner): string {
  if (!scanner.accept('\\')) {
    const keyword = scanner.word('a flag');
    if (/[%*\]]/.test(keyword)) throw new RefusedArgumentError('A keyword cannot contain %, * or ]');
    if (keyword.length > MAX_LENGTH) throw new RefusedArgumentError('Keyword too long', 'LIMIT');
    return keyword;
  }
  const name = `\\${scanner.atom('a flag')}`;
  return CANONICAL.get(name.toLowerCase()) ?? scanner.fail(`Invalid system flag ${name.slice(0, 50)}`);
}

/** `(\Seen $Forwarded)`, without duplicates (keywords compare case-insensitively). */
export function parseFlagList(scanner: Scanner): readonly string[] {
  return unique(
    scanner,
    scanner.list(() => parseFlag(scanner), { empty: true }),
  );
}

/** A list, or flags without parentheses to the end of the command (STORE). */
export function parseStoreFlags(scanner: Scanner): readonly string[] {
  if (scanner.sees('(')) return parseFlagList(scanner);
  const flags = [parseFlag(scanner)];
  while (scanner.accept(' ')) flags.push(parseFlag(scanner));
  return unique(scanner, flags);
}

function unique(scanner: Scanner, flags: readonly string[]): readonly string[] {
  const once = [...new Map(flags.map((flag) => [flag.toLowerCase(), flag])).values()];
  return once.length > MAX_FLAGS ? scanner.fail(`More than ${MAX_FLAGS} flags`) : once;
}
