/**
 * named.conf (requirement B1): the zones, the addresses to listen at, and who may ask, transfer and
 * be notified. Statements of BIND that mean nothing here are taken with one warning for all of them;
 * every real mistake is gathered, with file, line and what was expected.
 */

import { dirname, isAbsolute, join } from 'node:path';
import { type AddressMatch, ANY, NONE } from '../protocol/dns/address-match.ts';
import { type Fault, formatFault } from './fault.ts';
import { DNS_PORT, type Endpoint, NamedElements } from './named-elements.ts';
import { IGNORED_OPTIONS, IGNORED_STATEMENTS } from './named-ignored.ts';
import { parseStatements, type Statement, type Word } from './named-syntax.ts';
import { type NamedZone, readSetting, readZone, type ZoneSettings } from './named-zone.ts';

/** Addresses of this host to listen at: explicit ones, or those of its interfaces that match. */
export interface ListenOn {
  readonly family: 4 | 6;
  readonly port: number;
  readonly match: AddressMatch;
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
  return { config: reader.result(), faults: reader.elements.faults, warnings: reader.warnings };
}

const MAX_INCLUDES = 64;

class NamedReader {
  readonly elements = new NamedElements();
  readonly warnings: string[] = [];
  readonly #read: (file: string) => string;
  readonly #listen: ListenOn[] = [];
  readonly #zones: Statement[] = [];
  readonly #including: string[] = [];
  #includes = 0;
  #directory: string | null = null;
  #version: string | null = null;
  #forwarders: readonly Endpoint[] = [];
  // BIND 9.20 refuses transfers where nothing is said; older ones let anybody take the whole zone.
  readonly #defaults: ZoneSettings = { allowTransfer: NONE, allowQuery: ANY, alsoNotify: [], notify: true };

  constructor(read: (file: string) => string) {
    this.#read = read;
  }

  file(file: string, from: Word | null): void {
    const place = from ?? { file, line: 0 };
    this.#includes += 1;
    if (this.#including.includes(file)) {
      this.elements.fault(place, `${file} includes itself`);
      return;
    }
    if (this.#includes > MAX_INCLUDES) {
      this.elements.fault(place, `more than ${MAX_INCLUDES} files are included`);
      return;
    }
    let text: string;
    try {
      text = this.#read(file);
    } catch (error) {
      this.elements.fault(place, `${file}: ${error instanceof Error ? error.message : 'cannot be read'}`);
      return;
    }
    this.#including.push(file);
    for (const statement of parseStatements(text, file, this.elements.faults)) this.#statement(statement);
    this.#including.pop();
  }

  result(): NamedConf {
    const context = { elements: this.elements, defaults: this.#defaults, directory: this.#directory, warn: (text: string) => void this.warnings.push(text) };
    // Lists may be named before they are made: zones are read when all is known.
    const zones = this.#zones.map((statement) => readZone(statement, context)).filter((zone) => zone !== null);
    const seen = new Set<string>();
    for (const zone of zones) {
      if (seen.has(zone.name)) this.elements.fault(zone.place, `zone "${zone.name}" is given twice`);
      seen.add(zone.name);
    }
    const first = this.elements.ignored.values().next().value;
    if (first !== undefined) this.warnings.push(formatFault({ ...first, message: `taken without effect: ${[...this.elements.ignored.keys()].join(', ')}` }));
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

  #statement(statement: Statement): void {
    const [verb, name] = statement.words;
    if (verb === undefined) {
      this.elements.fault(statement, 'a block without a name before it');
      return;
    }
    const handler = STATEMENTS[verb.text];
    if (handler !== undefined) {
      handler.call(this, statement, name);
      return;
    }
    if (IGNORED_STATEMENTS.has(verb.text)) {
      this.elements.ignore(verb);
      return;
    }
    this.elements.unknown(verb, 'statement', [...Object.keys(STATEMENTS), ...IGNORED_STATEMENTS]);
  }

  readInclude(statement: Statement, name: Word | undefined): void {
    if (name === undefined) {
      this.elements.fault(statement, 'expected include "file";');
      return;
    }
    this.file(isAbsolute(name.text) ? name.text : join(dirname(statement.file), name.text), name);
  }

  readAcl(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null) {
      this.elements.fault(statement, 'expected acl name { addresses; };');
      return;
    }
    this.elements.acls.set(name.text, this.elements.match(statement));
  }

  readList(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null) {
      this.elements.fault(statement, `expected ${statement.words[0]?.text} name { addresses; };`);
      return;
    }
    this.elements.lists.set(name.text, this.elements.endpoints(statement));
  }

  readZone(statement: Statement): void {
    this.#zones.push(statement);
  }

  readView(statement: Statement): void {
    this.elements.fault(statement, 'views are not supported: every client sees the same zones; put the zone statements at the top level');
  }

  readOptions(statement: Statement): void {
    if (statement.block === null) {
      this.elements.fault(statement, 'expected options { … };');
      return;
    }
    for (const option of statement.block) {
      const [verb] = option.words;
      if (verb === undefined) continue;
      const handler = OPTIONS[verb.text];
      if (handler !== undefined) handler.call(this, option);
      else if (IGNORED_OPTIONS.has(verb.text)) this.elements.ignore(verb);
      else this.elements.unknown(verb, 'option', [...Object.keys(OPTIONS), ...IGNORED_OPTIONS]);
    }
  }

  readListenOn(option: Statement, family: 4 | 6): void {
    this.#listen.push({ family, port: this.elements.port(option.words.slice(1)), match: this.elements.match(option) });
  }

  readDirectory(option: Statement): void {
    this.#directory = this.elements.value(option, 'a folder in quotes');
  }

  readVersion(option: Statement): void {
    const version = this.elements.value(option, 'a text in quotes, or none');
    this.#version = version === 'none' ? null : version;
  }

  readForwarders(option: Statement): void {
    this.#forwarders = this.elements.endpoints(option);
  }

  readDefault(option: Statement): void {
    readSetting(this.elements, this.#defaults, option);
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
