/**
 * Reads master files (RFC 1035 section 5, RFC 2308 section 4) in BIND's dialect: $TTL,
 * $ORIGIN, $INCLUDE, $GENERATE, TTLs with units, TTL and class in either order, unknown types.
 *
 * Never throws: all faults are collected with file and line, in the wording of named-checkzone
 * where it has one. Does not read files itself: `read` is passed in, and text has one octet per character.
 */

import { messageOf } from '../../errors.ts';
import { nearest } from '../../nearest.ts';
import { MAX_GENERATED, parseRange, substitute } from './generate.ts';
import { CLASS, type ResourceRecord } from './message.ts';
import { type DomainName, isWithin, NameError, nameKey, parseName, withoutFinalDot } from './name.ts';
import { MAX_TTL, PresentationError, parseTtl, type Token, Tokens } from './presentation.ts';
import { parseRdata } from './rr/rdata.ts';
import { isQuestionType, TYPE, TYPE_NAMES, typeName, typeNumber } from './rr/table.ts';
import { readSoa } from './soa.ts';
import { type Entry, readEntries } from './zone-lexer.ts';

export interface ZoneFault {
  readonly file: string;
  /** Counted from 1; 0 if it concerns the zone as a whole. */
  readonly line: number;
  readonly message: string;
}

/** A record and where it was written. */
export interface PlacedRecord extends ResourceRecord {
  readonly file: string;
  readonly line: number;
}

export interface ZoneFile {
  readonly records: readonly PlacedRecord[];
  readonly faults: readonly ZoneFault[];
  readonly warnings: readonly ZoneFault[];
}

export interface ZoneFileOptions {
  /** The name used in messages, and the first file of an $INCLUDE chain. */
  readonly file: string;
  /** The zone's name, absolute. */
  readonly origin: DomainName;
  /**
   * Returns the text of an included file (named as in the file), one octet per character, and its actual path; throws
   * if it cannot be read.
   */
  readonly read?: (file: string) => { readonly file: string; readonly text: string };
}

const MAX_INCLUDE_DEPTH = 16;
/** Faults are collected up to this number; a file of another format would produce one per line. */
const MAX_FAULTS = 100;
const CLASS_NAMES: Readonly<Record<string, number>> = {
  IN: CLASS.IN,
  CH: CLASS.CH,
  CHAOS: CLASS.CH,
  HS: CLASS.HS,
  HESIOD: CLASS.HS,
};

export function parseZoneFile(text: string, options: ZoneFileOptions): ZoneFile {
  const reader = new ZoneReader(options);
  reader.file(text, { file: options.file, origin: options.origin, owner: null, chain: [options.file] });
  return { records: reader.records, faults: reader.faults, warnings: reader.warnings };
}

/** The state that reading a file changes; an included file has its own. */
interface Place {
  readonly file: string;
  origin: DomainName;
  owner: DomainName | null;
  /** Files being read, this one last. */
  readonly chain: readonly string[];
}

/** A hash in base32hex as the first label (RFC 5155 section 3). */
const HASHED_OWNER = /^(?:[0-9a-v]{8})*(?:[0-9a-v]{2}|[0-9a-v]{4,5}|[0-9a-v]{7,8})\./i;

/** MD and MF, which BIND refuses to load. */
const OBSOLETE: ReadonlySet<number> = new Set([3, 4]);

/** Aborts reading one entry. */
class EntryFault extends Error {}

class ZoneReader {
  readonly records: PlacedRecord[] = [];
  readonly faults: ZoneFault[] = [];
  readonly warnings: ZoneFault[] = [];
  readonly #zone: string;
  readonly #read: ZoneFileOptions['read'];
  /** $TTL, and the TTL of the previous record (RFC 1035). */
  #defaultTtl: number | null = null;
  #lastTtl: number | null = null;
  #warnedOfTtl = false;
  #generated = 0;

  constructor(options: ZoneFileOptions) {
    this.#zone = nameKey(options.origin);
    this.#read = options.read;
  }

  file(text: string, place: Place): void {
    for (const entry of readEntries(text)) {
      if (this.faults.length >= MAX_FAULTS) {
        this.faults.push({
          file: place.file,
          line: entry.line,
          message: `more than ${MAX_FAULTS} faults: the rest of the file was not read`,
        });
        return;
      }
      try {
        if (entry.fault !== null) throw new EntryFault(entry.fault);
        this.#entry(entry, place);
      } catch (error) {
        if (!(error instanceof EntryFault || error instanceof PresentationError || error instanceof NameError))
          throw error;
        // BIND reports the line where the entry ends; we report the line of the faulty word, which is easier to find.
        const line = error instanceof PresentationError ? (error.line ?? entry.line) : entry.line;
        this.faults.push({ file: place.file, line, message: error.message });
      }
    }
  }

  #entry(entry: Entry, place: Place): void {
    const [first, ...rest] = entry.tokens;
    if (first === undefined) return;
    if (!first.quoted && first.text.startsWith('$') && !entry.blankOwner) {
      const directive = DIRECTIVES[first.text.toUpperCase()];
      if (directive !== undefined) {
        directive.call(this, rest, place, entry);
        return;
      }
      if (/^\$[A-Za-z]+$/.test(first.text))
        throw new EntryFault(`unknown $ directive '${first.text}'${meant(first.text, Object.keys(DIRECTIVES))}`);
    }
    if (entry.blankOwner) {
      if (place.owner === null)
        throw new EntryFault(
          'no current owner name: the line begins with white space, and there is no record before it',
        );
      this.#record(place.owner, entry.tokens, place, entry.line);
      return;
    }
    place.owner = parseName(first.text, place.origin);
    this.#record(place.owner, rest, place, entry.line);
  }

  /** `[TTL] [class] type data`, TTL and class in either order. */
  #record(owner: DomainName, tokens: readonly Token[], place: Place, line: number): void {
    let ttl: number | null = null;
    let seenClass = false;
    let at = 0;
    let type: number | null = null;
    for (; type === null; at += 1) {
      const token = tokens[at];
      if (token === undefined) throw new EntryFault('unexpected end of line: expected a record type such as A or MX');
      const word = token.text.toUpperCase();
      const classNumber = classOf(word);
      // `1D` and `60` are times; no type has such a name.
      const time = ttl === null ? parseTtl(token.text) : null;
      if (time !== null) ttl = this.#checkTtl(time, token.text, place, line);
      else if (classNumber !== null && !seenClass) {
        if (classNumber !== CLASS.IN) throw new EntryFault(`class '${word}' != zone class 'IN'`);
        seenClass = true;
      } else type = readType(token, tokens.slice(at + 1));
    }
    const rdata = parseRdata(type, new Tokens(tokens.slice(at), place.origin));
    this.#add({
      name: owner,
      type,
      class: CLASS.IN,
      ttl: this.#ttl(ttl, type, rdata, place, line),
      rdata,
      file: place.file,
      line,
    });
  }

  #ttl(written: number | null, type: number, rdata: Buffer, place: Place, line: number): number {
    if (written !== null) {
      this.#lastTtl = written;
      return written;
    }
    if (this.#defaultTtl !== null) return this.#defaultTtl;
    if (this.#lastTtl !== null) {
      if (!this.#warnedOfTtl)
        this.warnings.push({
          file: place.file,
          line,
          message: 'using RFC1035 TTL semantics: put a $TTL line at the top',
        });
      this.#warnedOfTtl = true;
      return this.#lastTtl;
    }
    if (type !== TYPE.SOA)
      throw new EntryFault('no TTL specified; zone rejected: put a $TTL line such as `$TTL 1D` at the top');
    this.warnings.push({ file: place.file, line, message: 'no TTL specified; using SOA MINTTL instead' });
    this.#defaultTtl = readSoa(rdata).minimum;
    return this.#defaultTtl;
  }

  #add(record: PlacedRecord): void {
    const { file, line } = record;
    if (!isWithin(nameKey(record.name), this.#zone)) {
      this.warnings.push({ file, line, message: `ignoring out-of-zone data (${withoutFinalDot(record.name)})` });
      return;
    }
    if (record.type === TYPE.SOA && nameKey(record.name) !== this.#zone) {
      throw new EntryFault(`SOA record not at top of zone (${withoutFinalDot(record.name)})`);
    }
    if (record.type === TYPE.DS && nameKey(record.name) === this.#zone)
      throw new EntryFault(`DS record at top of zone (${withoutFinalDot(record.name)})`);
    if (record.type === TYPE.NSEC3 && !HASHED_OWNER.test(record.name))
      throw new EntryFault(`${withoutFinalDot(record.name)}: bad owner name (check-names)`);
    if (record.type === TYPE.NS && record.name.startsWith('*.'))
      throw new EntryFault(`${withoutFinalDot(record.name)}: invalid NS owner name (wildcard)`);
    this.records.push(record);
  }

  /** RFC 2181 section 8: a TTL with its highest bit set counts as zero. */
  #checkTtl(seconds: number, text: string, place: Place, line: number): number {
    if (seconds > 0xffffffff) throw new EntryFault(`TTL '${text}' is out of range: at most ${MAX_TTL} seconds`);
    if (seconds <= MAX_TTL) return seconds;
    this.warnings.push({
      file: place.file,
      line,
      message: `$TTL ${seconds} > MAXTTL, setting $TTL to 0: at most ${MAX_TTL} seconds`,
    });
    return 0;
  }

  /** BIND's $DATE, the time of writing: checked and ignored. */
  setDate(tokens: readonly Token[]): void {
    const word = only(tokens, '$DATE', 'a time as YYYYMMDDHHmmSS');
    if (!/^[0-9]{14}$/.test(word.text))
      throw new EntryFault(`near '${word.text.slice(0, 64)}': expected a time as YYYYMMDDHHmmSS after $DATE`);
  }

  setTtl(tokens: readonly Token[], place: Place, entry: Entry): void {
    const word = only(tokens, '$TTL', 'a time such as 1D or 86400');
    const ttl = parseTtl(word.text);
    if (ttl === null) throw new EntryFault(`near '${word.text}': expected a time such as 1D or 86400 after $TTL`);
    this.#defaultTtl = this.#checkTtl(ttl, word.text, place, entry.line);
  }

  setOrigin(tokens: readonly Token[], place: Place): void {
    place.origin = parseName(only(tokens, '$ORIGIN', 'a domain name').text, place.origin);
  }

  include(tokens: readonly Token[], place: Place): void {
    const [file, origin, extra] = tokens;
    if (file === undefined || extra !== undefined) throw new EntryFault('expected $INCLUDE file [origin]');
    if (this.#read === undefined) throw new EntryFault(`${file.text}: $INCLUDE is not possible here`);
    let found: ReturnType<NonNullable<ZoneFileOptions['read']>>;
    try {
      found = this.#read(file.text);
    } catch (error) {
      throw new EntryFault(`${file.text}: ${reasonOf(error)}`);
    }
    const chain = [...place.chain, found.file];
    if (place.chain.includes(found.file))
      throw new EntryFault(`${file.text}: the file includes itself: ${chain.join(' > ')}`);
    if (chain.length > MAX_INCLUDE_DEPTH)
      throw new EntryFault(`${file.text}: more than ${MAX_INCLUDE_DEPTH} files include one another`);
    const inner: Place = {
      file: found.file,
      origin: origin === undefined ? place.origin : parseName(origin.text, place.origin),
      owner: place.owner,
      chain,
    };
    this.file(found.text, inner);
    // RFC 1035: $INCLUDE does not change the origin of the including file; in BIND, neither its current owner.
  }

  generate(tokens: readonly Token[], place: Place, entry: Entry): void {
    const [range, left, ...rest] = tokens;
    if (range === undefined || left === undefined || rest.length < 2)
      throw new EntryFault('expected $GENERATE start-stop[/step] owner [ttl] [class] type data');
    const numbers = parseRange(range.text);
    if (numbers === null)
      throw new EntryFault(`$GENERATE: invalid range '${range.text}': expected start-stop or start-stop/step`);
    this.#generated += Math.floor((numbers.stop - numbers.start) / numbers.step) + 1;
    if (this.#generated > MAX_GENERATED) throw new EntryFault(`$GENERATE: more than ${MAX_GENERATED} records`);
    for (let value = numbers.start; value <= numbers.stop; value += numbers.step) {
      const words = [left, ...rest].map((token) => {
        const text = substitute(token.text, value);
        if (text === null)
          throw new EntryFault(`$GENERATE: bad modifier in '${token.text}': expected \${offset,width,radix}`);
        return { ...token, text };
      });
      this.#record(parseName(words[0]?.text ?? '', place.origin), dataOfLast(words.slice(1)), place, entry.line);
    }
  }
}

/** The data of a $GENERATE line is one word; if quoted, its content is parsed again as data (as in BIND). */
function dataOfLast(words: readonly Token[]): readonly Token[] {
  const data = words.at(-1);
  if (data === undefined || !data.quoted) return words;
  const [entry] = readEntries(data.text.replace(/\\(["\\])/g, '$1'));
  if (entry === undefined || entry.fault !== null)
    throw new EntryFault(`$GENERATE: ${entry?.fault ?? 'unexpected end of input: the quotes are empty'}`);
  return [
    ...words.slice(0, -1),
    ...entry.tokens.map((token): Token => ({ ...token, ...(data.line === undefined ? {} : { line: data.line }) })),
  ];
}

type Directive = (this: ZoneReader, tokens: readonly Token[], place: Place, entry: Entry) => void;

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  $TTL: ZoneReader.prototype.setTtl,
  $DATE: ZoneReader.prototype.setDate,
  $ORIGIN: ZoneReader.prototype.setOrigin,
  $INCLUDE: ZoneReader.prototype.include,
  $GENERATE: ZoneReader.prototype.generate,
};

function only(tokens: readonly Token[], directive: string, expected: string): Token {
  const [word, extra] = tokens;
  if (word === undefined || extra !== undefined)
    throw new EntryFault(`expected ${expected} after ${directive}, and nothing else`);
  return word;
}

function classOf(word: string): number | null {
  const known = CLASS_NAMES[word];
  if (known !== undefined) return known;
  const generic = /^CLASS([0-9]{1,5})$/.exec(word)?.[1];
  return generic === undefined ? null : Number(generic);
}

function readType(token: Token, following: readonly Token[]): number {
  const type = token.quoted ? null : typeNumber(token.text);
  if (type !== null) {
    if (OBSOLETE.has(type)) throw new EntryFault(`type '${token.text}': obsolete: use MX (RFC 973)`);
    if (type === 0 || isQuestionType(type))
      throw new EntryFault(
        `near '${token.text}': invalid use of a meta type: ${typeName(type)} is for queries only and cannot be in a zone`,
      );
    return type;
  }
  const known = following.slice(0, 2).some((word) => typeNumber(word.text) !== null);
  const hint =
    known && /^[0-9]/.test(token.text)
      ? ': is it meant as a TTL? The units are W D H M S'
      : meant(token.text, TYPE_NAMES);
  throw new EntryFault(`unknown RR type '${token.text.slice(0, 64)}'${hint}`);
}

function meant(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `: did you mean ${near}?`;
}

/** Why a file cannot be read, in BIND's wording. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'file not found';
  return messageOf(error);
}
