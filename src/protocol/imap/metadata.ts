/** Arguments and responses of GETMETADATA and SETMETADATA (RFC 5464 section 5). */
import { formatAstring, formatString } from './format.ts';
import { parseMailbox } from './mailbox-name.ts';
import type { Scanner } from './scanner.ts';

/** Entries of one command. */
const MOST_ENTRIES = 100;
/** Octets of a name. */
const LONGEST_NAME = 1000;

export interface GetMetadata {
  /** '' is the server. */
  readonly mailbox: string;
  /** In lower case. */
  readonly entries: readonly string[];
  /** Octets of a value that the client wants; infinite without MAXSIZE. */
  readonly maxSize: number;
  /** How many levels below each entry. */
  readonly depth: number;
}

export interface SetMetadata {
  readonly mailbox: string;
  /** Values are octets (latin1); null removes an entry. A name that is given twice has its last value. */
  readonly values: ReadonlyMap<string, string | null>;
}

const DEPTHS: ReadonlyMap<string, number> = new Map([
  ['0', 0],
  ['1', 1],
  ['INFINITY', Number.POSITIVE_INFINITY],
]);

/** The options stand before the mailbox in the grammar, and behind it in the examples (sections 4.2.1 and 4.2.2). */
export function parseGetMetadata(scanner: Scanner): GetMetadata {
  const options = { maxSize: Number.POSITIVE_INFINITY, depth: 0 };
  readOptions(scanner, options);
  const mailbox = parseMailbox(scanner);
  scanner.space();
  readOptions(scanner, options);
  const entries = scanner.sees('(') ? scanner.list(() => entryName(scanner)) : [entryName(scanner)];
  checkCount(scanner, entries.length);
  return { mailbox, entries: [...new Set(entries)], ...options };
}

export function parseSetMetadata(scanner: Scanner): SetMetadata {
  const mailbox = parseMailbox(scanner);
  scanner.space();
  const pairs = scanner.list(() => {
    const name = entryName(scanner);
    scanner.space();
    // literal8 (RFC 4466); no value of ours has a NUL.
    if (scanner.accept('~') && !scanner.sees('{')) scanner.fail('"~" stands before a literal');
    const value = scanner.nstring();
    return [name, value] as const;
  });
  checkCount(scanner, pairs.length);
  return { mailbox, values: new Map(pairs) };
}

/** `* METADATA "" (name value …)`. Values are octets. */
export const metadataResponse = (values: Iterable<readonly [string, string | null]>): string =>
  `* METADATA "" (${[...values].map(([name, value]) => `${formatAstring(name)} ${value === null ? 'NIL' : formatString(value)}`).join(' ')})\r\n`;

/** If there are any: no entry begins with a letter. */
function readOptions(scanner: Scanner, options: { maxSize: number; depth: number }): void {
  if (!/^\([a-z]/i.test(scanner.text.slice(scanner.position, scanner.position + 2))) return;
  scanner.list(() => {
    const name = scanner.keyword('an option');
    scanner.space();
    if (name === 'MAXSIZE') options.maxSize = scanner.number();
    else if (name === 'DEPTH')
      options.depth = DEPTHS.get(scanner.keyword('a depth')) ?? scanner.fail('DEPTH is 0, 1 or infinity');
    else scanner.fail(`Unknown option ${name}`);
  });
  scanner.space();
}

/** Section 3.2: names are case-insensitive; those that can never be one are refused. */
function entryName(scanner: Scanner): string {
  const name = scanner.astring().toLowerCase();
  if (name.length > LONGEST_NAME) scanner.fail(`An entry name has more than ${LONGEST_NAME} octets`);
  if (!/^\/(?:private|shared)(?:\/|$)/.test(name)) scanner.fail('An entry name begins with /private or /shared');
  if (name.endsWith('/') || name.includes('//')) scanner.fail('A part of an entry name is empty');
  if (/[^\x20-\x7e]|[*%]/.test(name)) scanner.fail('An entry name has a control character, "*", "%" or no US-ASCII');
  return name;
}

function checkCount(scanner: Scanner, count: number): void {
  if (count > MOST_ENTRIES) scanner.fail(`More than ${MOST_ENTRIES} entries`);
}
