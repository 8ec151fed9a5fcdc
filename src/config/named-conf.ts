/**
 * named.conf (requirement B1): the zones, the addresses to listen at, and who may ask, transfer and
 * be notified. Statements of BIND that mean nothing here are taken with one warning for all of them;
 * every real mistake is gathered, with file, line and what was expected.
 */

import { dirname, isAbsolute, join } from 'node:path';
import { type AddressMatch, type AddressRule, ANY, NONE, parsePrefix } from '../protocol/dns/address-match.ts';
import { type DomainName, NameError, nameKey, parseIp4, parseIp6, parseName } from '../protocol/dns/name.ts';
import { type Fault, formatFault } from './fault.ts';
import { IGNORED_OPTIONS, IGNORED_STATEMENTS, IGNORED_ZONE_OPTIONS } from './named-ignored.ts';
import { parseStatements, type Statement, type Word } from './named-syntax.ts';
import { nearest } from './nearest.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Addresses of this host to listen at: explicit ones, or those of its interfaces that match. */
export interface ListenOn {
  readonly family: 4 | 6;
  readonly port: number;
  readonly match: AddressMatch;
}

export interface NamedZone {
  /** Absolute, in lower case. */
  readonly name: DomainName;
  readonly kind: 'primary' | 'secondary';
  /** Joined with `directory`; null for a secondary that keeps no copy. */
  readonly file: string | null;
  /** Where a secondary transfers from; empty for a primary. */
  readonly primaries: readonly Endpoint[];
  /** The zone's own, or that of `options`. */
  readonly allowTransfer: AddressMatch;
  readonly allowQuery: AddressMatch;
  readonly alsoNotify: readonly Endpoint[];
  /** `notify no` is false. */
  readonly notify: boolean;
  /** Where the zone statement stands. */
  readonly place: { readonly file: string; readonly line: number };
}

export interface NamedConf {
  readonly listen: readonly ListenOn[];
  readonly directory: string | null;
  /** Answer to `version.bind` in class CH; null: refused. */
  readonly version: string | null;
  /** Servers to ask for what is not ours; for the resolver of mail delivery, we do not recurse for clients. */
  readonly forwarders: readonly Endpoint[];
  readonly zones: readonly NamedZone[];
}

/** `read` gives a file's text, or throws. Never throws itself. */
export function readNamedConf(
  file: string,
  read: (file: string) => string,
): { readonly config: NamedConf; readonly faults: readonly Fault[]; readonly warnings: readonly string[] } {
  const reader = new NamedReader(read);
  reader.file(file, null);
  return { config: reader.result(), faults: reader.faults, warnings: reader.warnings };
}

const DNS_PORT = 53;
const MAX_INCLUDES = 64;
/** Zone types that another kind of name server has; taken and left alone. */
const OTHER_ZONE_TYPES = ['hint', 'forward', 'stub', 'static-stub', 'redirect', 'delegation-only', 'mirror'];
const ZONE_TYPES: Readonly<Record<string, NamedZone['kind']>> = { master: 'primary', primary: 'primary', slave: 'secondary', secondary: 'secondary' };

interface Defaults {
  allowTransfer: AddressMatch;
  allowQuery: AddressMatch;
  alsoNotify: readonly Endpoint[];
  notify: boolean;
}

class NamedReader {
  readonly faults: Fault[] = [];
  readonly warnings: string[] = [];
  readonly #read: (file: string) => string;
  readonly #acls = new Map<string, AddressMatch>();
  readonly #lists = new Map<string, readonly Endpoint[]>();
  readonly #listen: ListenOn[] = [];
  readonly #zones: Statement[] = [];
  readonly #ignored = new Map<string, Word>();
  readonly #including: string[] = [];
  #includes = 0;
  #directory: string | null = null;
  #version: string | null = null;
  #forwarders: readonly Endpoint[] = [];
  // BIND 9.20 refuses transfers where nothing is said; older ones let anybody take the whole zone.
  readonly #defaults: Defaults = { allowTransfer: NONE, allowQuery: ANY, alsoNotify: [], notify: true };

  constructor(read: (file: string) => string) {
    this.#read = read;
  }

  file(file: string, from: Word | null): void {
    const place = from ?? { file, line: 0 };
    this.#includes += 1;
    if (this.#including.includes(file)) {
      this.#fault(place, `${file} includes itself`);
      return;
    }
    if (this.#includes > MAX_INCLUDES) {
      this.#fault(place, `more than ${MAX_INCLUDES} files are included`);
      return;
    }
    let text: string;
    try {
      text = this.#read(file);
    } catch (error) {
      this.#fault(place, `${file}: ${error instanceof Error ? error.message : 'cannot be read'}`);
      return;
    }
    this.#including.push(file);
    for (const statement of parseStatements(text, file, this.faults)) this.#statement(statement);
    this.#including.pop();
  }

  result(): NamedConf {
    // Lists may be named before they are made: zones are read when all is known.
    const zones = this.#zones.map((statement) => this.#zone(statement)).filter((zone) => zone !== null);
    const seen = new Set<string>();
    for (const zone of zones) {
      if (seen.has(zone.name)) this.#fault(zone.place, `zone "${zone.name}" is given twice`);
      seen.add(zone.name);
    }
    const first = this.#ignored.values().next().value;
    if (first !== undefined) this.warnings.push(formatFault({ ...first, message: `taken without effect: ${[...this.#ignored.keys()].join(', ')}` }));
    // BIND would listen at all IPv6 addresses where only listen-on is given; a person who named addresses meant those.
    const everywhere = ([4, 6] as const).map((family) => ({ family, port: DNS_PORT, match: ANY }));
    return {
      listen: this.#listen.length > 0 ? this.#listen : everywhere,
      directory: this.#directory,
      version: this.#version,
      forwarders: this.#forwarders,
      zones,
    };
  }

  #fault(place: { readonly file: string; readonly line: number }, message: string, parameter?: string): void {
    this.faults.push({ file: place.file, line: place.line, message, ...(parameter === undefined ? {} : { parameter }) });
  }

  #statement(statement: Statement): void {
    const [verb, name] = statement.words;
    if (verb === undefined) {
      this.#fault(statement, 'a block without a name before it');
      return;
    }
    const handler = STATEMENTS[verb.text];
    if (handler !== undefined) {
      handler.call(this, statement, name);
      return;
    }
    if (IGNORED_STATEMENTS.has(verb.text)) {
      this.#ignore(verb);
      return;
    }
    this.#unknown(verb, 'statement', [...Object.keys(STATEMENTS), ...IGNORED_STATEMENTS]);
  }

  #ignore(word: Word): void {
    if (!this.#ignored.has(word.text)) this.#ignored.set(word.text, word);
  }

  #unknown(word: Word, kind: string, known: readonly string[]): void {
    const near = nearest(word.text, known);
    this.#fault(word, `unknown ${kind} '${word.text}'${near === undefined ? '' : `: did you mean ${near}?`}`);
  }

  readInclude(statement: Statement, name: Word | undefined): void {
    if (name === undefined) {
      this.#fault(statement, 'expected include "file";');
      return;
    }
    this.file(isAbsolute(name.text) ? name.text : join(dirname(statement.file), name.text), name);
  }

  readAcl(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null) {
      this.#fault(statement, 'expected acl name { addresses; };');
      return;
    }
    this.#acls.set(name.text, this.#match(statement));
  }

  readList(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null) {
      this.#fault(statement, `expected ${statement.words[0]?.text} name { addresses; };`);
      return;
    }
    this.#lists.set(name.text, this.#endpoints(statement));
  }

  readZone(statement: Statement): void {
    this.#zones.push(statement);
  }

  readView(statement: Statement): void {
    this.#fault(statement, 'views are not supported: every client sees the same zones; put the zone statements at the top level');
  }

  readOptions(statement: Statement): void {
    if (statement.block === null) {
      this.#fault(statement, 'expected options { … };');
      return;
    }
    for (const option of statement.block) {
      const [verb] = option.words;
      if (verb === undefined) continue;
      const handler = OPTIONS[verb.text];
      if (handler !== undefined) handler.call(this, option);
      else if (IGNORED_OPTIONS.has(verb.text)) this.#ignore(verb);
      else this.#unknown(verb, 'option', [...Object.keys(OPTIONS), ...IGNORED_OPTIONS]);
    }
  }

  readListenOn(option: Statement, family: 4 | 6): void {
    this.#listen.push({ family, port: this.#port(option.words.slice(1)), match: this.#match(option) });
  }

  readDirectory(option: Statement): void {
    this.#directory = this.#value(option, 'a folder in quotes');
  }

  readVersion(option: Statement): void {
    const version = this.#value(option, 'a text in quotes, or none');
    this.#version = version === 'none' ? null : version;
  }

  readForwarders(option: Statement): void {
    this.#forwarders = this.#endpoints(option);
  }

  readDefault(option: Statement): void {
    this.#setDefault(this.#defaults, option);
  }

  /** What may be said in `options` and again in a zone. True where it was such an option. */
  #setDefault(into: Defaults, option: Statement): boolean {
    switch (option.words[0]?.text) {
      case 'allow-transfer':
        into.allowTransfer = this.#match(option);
        return true;
      case 'allow-query':
        into.allowQuery = this.#match(option);
        return true;
      case 'also-notify':
        into.alsoNotify = this.#endpoints(option);
        return true;
      case 'notify': {
        const word = this.#value(option, 'yes, no or explicit');
        if (!['yes', 'no', 'explicit', 'primary-only', 'master-only', 'true', 'false', '1', '0'].includes(word ?? 'yes')) {
          this.#fault(option, `'${word}': expected yes, no or explicit`, 'notify');
        }
        into.notify = !['no', 'false', '0'].includes(word ?? '');
        return true;
      }
      default:
        return false;
    }
  }

  #value(option: Statement, expected: string): string | null {
    const [verb, value] = option.words;
    if (value === undefined || option.words.length > 2) this.#fault(option, `expected ${expected}`, verb?.text);
    return value?.text ?? null;
  }

  /** `port 53` among words. */
  #port(words: readonly Word[]): number {
    const at = words.findIndex((word) => word.text === 'port');
    if (at < 0) return DNS_PORT;
    const word = words[at + 1];
    const port = word !== undefined && /^[0-9]{1,5}$/.test(word.text) ? Number(word.text) : 0;
    if (port >= 1 && port <= 65535) return port;
    const place = word ?? words[at];
    if (place !== undefined) this.#fault(place, `'${word?.text ?? ''}' is no port: expected 1 to 65535`);
    return DNS_PORT;
  }

  #match(statement: Statement): AddressMatch {
    if (statement.block === null) {
      this.#fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return NONE;
    }
    return statement.block.map((element) => this.#rule(element)).filter((rule) => rule !== null);
  }

  #rule(element: Statement): AddressRule | null {
    const [first, second] = element.words;
    const alone = first?.text === '!';
    const word = alone ? second : first;
    const negated = first?.text.startsWith('!') ?? false;
    if (element.block !== null) return { negated, match: { kind: 'list', rules: this.#match(element) } };
    if (word === undefined) return null;
    const text = negated && !alone ? word.text.slice(1) : word.text;
    if (text === 'none') return { negated: !negated, match: { kind: 'any' } };
    if (text === 'any' || text === 'localhost' || text === 'localnets') return { negated, match: { kind: text } };
    const prefix = parsePrefix(text);
    if (prefix !== null) return { negated, match: { kind: 'prefix', ...prefix } };
    const acl = this.#acls.get(text);
    if (acl !== undefined) return { negated, match: { kind: 'list', rules: acl } };
    if (text === 'key') this.#fault(word, 'keys are not supported: name the addresses instead');
    else {
      const near = nearest(text, ['any', 'none', 'localhost', 'localnets', ...this.#acls.keys()]);
      this.#fault(
        word,
        `'${text}': expected an address, a prefix such as 10.0.0.0/8, any, none, localhost, localnets or an acl made before${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    return null;
  }

  /** `{ 192.0.2.1 port 5353; list; }`, with a port for all before the block. */
  #endpoints(statement: Statement): readonly Endpoint[] {
    if (statement.block === null) {
      this.#fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return [];
    }
    const standard = this.#port(statement.words.slice(1));
    return statement.block.flatMap((element): readonly Endpoint[] => {
      const [address] = element.words;
      if (address === undefined) return [];
      const list = this.#lists.get(address.text);
      if (list !== undefined) return list;
      if (parseIp4(address.text) === null && parseIp6(address.text) === null) {
        this.#fault(address, `'${address.text}': expected an IP address, or the name of a primaries list made before`);
        return [];
      }
      if (element.words.some((word) => word.text === 'key' || word.text === 'tls')) this.#fault(address, 'keys and TLS are not supported for transfers');
      const port = element.words.some((word) => word.text === 'port') ? this.#port(element.words) : standard;
      return [{ address: address.text, port }];
    });
  }

  #zone(statement: Statement): NamedZone | null {
    const [, name, classWord, extra] = statement.words;
    if (name === undefined || statement.block === null) {
      this.#fault(statement, 'expected zone "name" IN { … };');
      return null;
    }
    if (extra !== undefined || (classWord !== undefined && classWord.text.toUpperCase() !== 'IN')) {
      if (classWord !== undefined && /^(?:CH|HS|CHAOS|HESIOD)$/i.test(classWord.text)) return null;
      this.#fault(extra ?? statement, `'${(extra ?? classWord)?.text}': expected IN { after the zone's name`);
    }
    const settings = { ...this.#defaults };
    let type: string | null = null;
    let file: string | null = null;
    let primaries: readonly Endpoint[] = [];
    for (const option of statement.block) {
      const [verb] = option.words;
      if (verb === undefined) continue;
      if (verb.text === 'type') type = this.#value(option, 'primary or secondary');
      else if (verb.text === 'file') file = this.#value(option, 'a file in quotes');
      else if (verb.text === 'masters' || verb.text === 'primaries') primaries = this.#endpoints(option);
      else if (this.#setDefault(settings, option)) continue;
      else if (IGNORED_ZONE_OPTIONS.has(verb.text)) this.#ignore(verb);
      else this.#unknown(verb, 'zone option', [...ZONE_OPTIONS, ...IGNORED_ZONE_OPTIONS]);
    }
    if (type !== null && OTHER_ZONE_TYPES.includes(type)) {
      if (type !== 'hint')
        this.warnings.push(
          formatFault({ ...statement, message: `zone "${name.text}" of type ${type} is left alone: only primary and secondary zones are served` }),
        );
      return null;
    }
    return this.#checkedZone({ statement, name, type, file, primaries, settings });
  }

  #checkedZone(zone: {
    readonly statement: Statement;
    readonly name: Word;
    readonly type: string | null;
    readonly file: string | null;
    readonly primaries: readonly Endpoint[];
    readonly settings: Defaults;
  }): NamedZone | null {
    const { statement, name, type, file, primaries, settings } = zone;
    const kind = ZONE_TYPES[type ?? ''];
    if (kind === undefined) {
      const near = type === null ? undefined : nearest(type, [...Object.keys(ZONE_TYPES), ...OTHER_ZONE_TYPES]);
      const said = type === null ? 'has no type' : `has the unknown type '${type}'`;
      this.#fault(
        statement,
        `zone "${name.text}" ${said}: expected type primary (master) or secondary (slave)${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
      return null;
    }
    if (kind === 'primary' && file === null) this.#fault(statement, `zone "${name.text}": a primary zone needs file "…";`);
    if (kind === 'secondary' && primaries.length === 0) this.#fault(statement, `zone "${name.text}": a secondary zone needs primaries { address; };`);
    let origin: DomainName;
    try {
      origin = nameKey(parseName(name.text, '.'));
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      this.#fault(name, `zone "${name.text}": ${error.message}`);
      return null;
    }
    const path = file === null || isAbsolute(file) || this.#directory === null ? file : join(this.#directory, file);
    const place = { file: statement.file, line: statement.line };
    return { name: origin, kind, file: path, primaries: kind === 'secondary' ? primaries : [], ...settings, place };
  }
}

const STATEMENTS: Readonly<Record<string, (this: NamedReader, statement: Statement, name: Word | undefined) => void>> = {
  options: NamedReader.prototype.readOptions,
  zone: NamedReader.prototype.readZone,
  include: NamedReader.prototype.readInclude,
  acl: NamedReader.prototype.readAcl,
  masters: NamedReader.prototype.readList,
  primaries: NamedReader.prototype.readList,
  'remote-servers': NamedReader.prototype.readList,
  view: NamedReader.prototype.readView,
};

const OPTIONS: Readonly<Record<string, (this: NamedReader, option: Statement) => void>> = {
  'listen-on': function (option) {
    this.readListenOn(option, 4);
  },
  'listen-on-v6': function (option) {
    this.readListenOn(option, 6);
  },
  directory: NamedReader.prototype.readDirectory,
  version: NamedReader.prototype.readVersion,
  forwarders: NamedReader.prototype.readForwarders,
  'allow-transfer': NamedReader.prototype.readDefault,
  'allow-query': NamedReader.prototype.readDefault,
  'also-notify': NamedReader.prototype.readDefault,
  notify: NamedReader.prototype.readDefault,
};

const ZONE_OPTIONS = ['type', 'file', 'masters', 'primaries', 'allow-transfer', 'allow-query', 'also-notify', 'notify'];
