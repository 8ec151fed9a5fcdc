/**
 * named.conf (requirement B1): the zones, the addresses to listen on, and who may query, transfer and be notified. What
 * named-checkconf rejects is an error here too; all errors are gathered, with file, line and what was expected. BIND
 * options without effect here are accepted: those whose loss changes an answer or reduces security with a line each,
 * the others listed together in one.
 */

import { dirname, isAbsolute, join } from 'node:path';
import { ownValue } from '../../own-value.ts';
import { type AddressMatch, ANY, NONE } from '../../protocol/dns/address-match.ts';
import { nameKey } from '../../protocol/dns/name.ts';
import { PRIMARY_CHECKS } from '../../protocol/dns/zone-check.ts';
import type { Fault } from '../fault.ts';
import { NamedElements } from './elements.ts';
import { type NamedFiles, NamedIncludes } from './include.ts';
import { lossOf } from './inert.ts';
import { checkInert, INERT_OPTIONS, INERT_STATEMENTS, isOn, REPEATABLE } from './options.ts';
import type { Statement, Word } from './syntax.ts';
import { type NamedZone, readSetting, readZone, SETTINGS, type ZoneContext, type ZoneSettings } from './zone.ts';

/** Addresses of this host to listen on: explicit ones, or those of its interfaces that match. */
export interface ListenOn {
  readonly family: 4 | 6;
  readonly port: number;
  readonly match: AddressMatch;
}

export interface NamedConf {
  readonly listen: readonly ListenOn[];
  readonly directory: string | null;
  /** The answer to `version.bind` in class CH; null: refused. */
  readonly version: string | null;
  readonly zones: readonly NamedZone[];
  /** Options without effect whose loss changes an answer or reduces security. */
  readonly losses: readonly Fault[];
}

export interface NamedRead {
  readonly config: NamedConf;
  readonly faults: readonly Fault[];
  /** Options without effect whose loss changes an answer or weakens safety. */
  readonly warnings: readonly Fault[];
  /** Other options without effect. */
  readonly notes: readonly Fault[];
}

/** Never throws. */
export function readNamedConf(file: string, files: NamedFiles): NamedRead {
  const reader = new NamedReader(file, files);
  reader.read();
  const config = reader.result();
  return { config, faults: reader.elements.faults, warnings: config.losses, notes: reader.notes };
}

/** Blocks of statements, in which `include` is allowed. */
const BLOCKS_OF_STATEMENTS: ReadonlySet<string> = new Set([
  'logging',
  'key',
  'server',
  'tls',
  'http',
  'dnssec-policy',
  'view',
]);
const ONCE: ReadonlySet<string> = new Set(['options', 'logging']);
const BUILT_IN_POLICIES = ['default', 'insecure', 'none'];

class NamedReader {
  readonly elements = new NamedElements();
  readonly notes: Fault[] = [];
  readonly #file: string;
  readonly #includes: NamedIncludes;
  readonly #listen: { readonly family: 4 | 6; readonly option: Statement }[] = [];
  readonly #zones: { readonly statement: Statement; readonly block: readonly Statement[] | null }[] = [];
  readonly #options: Statement[] = [];
  readonly #once = new Map<string, Statement>();
  readonly #policies = new Set(BUILT_IN_POLICIES);
  readonly #losses: Fault[] = [];
  #directory: string | null = null;
  #version: string | null = null;
  // BIND 9.20 refuses transfers by default; older versions let anyone transfer the whole zone.
  readonly #defaults: ZoneSettings = {
    allowTransfer: NONE,
    allowQuery: ANY,
    alsoNotify: [],
    notify: true,
    checks: PRIMARY_CHECKS,
    recursion: true,
  };

  constructor(file: string, files: NamedFiles) {
    this.#file = file;
    this.#includes = new NamedIncludes(this.elements, files, dirname(file));
  }

  /** In file order; names are resolved when all definitions are known. */
  read(): void {
    for (const statement of this.#includes.file(this.#file, { file: this.#file, line: 0 })) this.#statement(statement);
    this.#readOptions();
  }

  result(): NamedConf {
    const context: ZoneContext = {
      elements: this.elements,
      defaults: this.#defaults,
      directory: this.#directory,
      note: (fault) => void this.notes.push(fault),
      inert: (option, name, zone) => this.#inert(option, name, zone),
    };
    const zones = this.#zones
      .map(({ statement, block }) => readZone(statement, block, context))
      .filter((zone) => zone !== null);
    this.#checkTogether(zones);
    const listen = this.#listen.map(({ family, option }) => this.#listenOn(option, family));
    this.elements.checkUnused();
    const first = this.elements.ignored.values().next().value;
    if (first !== undefined)
      this.notes.push({
        file: first.file,
        line: first.line,
        message: `accepted without effect: ${[...this.elements.ignored.keys()].join(', ')}`,
      });
    const isNamed = (family: 4 | 6): boolean => listen.some((one) => one.family === family);
    const everywhere = (family: 4 | 6): ListenOn => ({ family, port: this.elements.standardPort, match: ANY });
    // With only listen-on, BIND would listen on all IPv6 addresses; we assume that a user who named addresses wants
    // only those. With only listen-on-v6, as in Debian's named.conf.options, IPv4 is meant to be served.
    const others = isNamed(4) ? [] : isNamed(6) ? [everywhere(4)] : [everywhere(4), everywhere(6)];
    return {
      listen: [...listen, ...others],
      directory: this.#directory,
      version: this.#version,
      zones: zones.flatMap(({ zone }) => (zone === null ? [] : [zone])),
      losses: this.#losses,
    };
  }

  #statement(statement: Statement): void {
    const [verb, name] = statement.words;
    if (verb === undefined) return;
    const word = verb.text.toLowerCase();
    const before = this.#once.get(word);
    if (before !== undefined)
      this.elements.fault(statement, `${word} is given twice: first at ${before.file}:${before.line}`);
    if (ONCE.has(word)) this.#once.set(word, statement);
    const handler = ownValue(STATEMENTS, word);
    if (handler !== undefined) handler.call(this, statement, name);
    else if (INERT_STATEMENTS.includes(word)) this.#inertStatement(statement, word, name);
    else this.elements.unknown(verb, 'statement', [...Object.keys(STATEMENTS), ...INERT_STATEMENTS, 'include']);
  }

  #inertStatement(statement: Statement, word: string, name: Word | undefined): void {
    if (BLOCKS_OF_STATEMENTS.has(word)) for (const _ of this.#includes.expand(statement.block ?? []));
    if (word === 'dnssec-policy' && name !== undefined) this.#policies.add(name.text);
    const loss = word === 'dnssec-policy' ? null : lossOf(statement, word, null);
    if (loss !== null) this.#losses.push(loss);
    else if (statement.words[0] !== undefined) this.elements.ignore(statement.words[0]);
  }

  readAcl(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null || statement.words.length > 2)
      this.elements.fault(statement, 'expected acl name { addresses; };');
    else this.elements.defineAcl(name, statement);
  }

  readList(statement: Statement, name: Word | undefined): void {
    if (name === undefined || statement.block === null)
      this.elements.fault(statement, `expected ${statement.words[0]?.text} name { addresses; };`);
    else this.elements.defineList(name, statement);
  }

  readZone(statement: Statement): void {
    const block = statement.block === null ? null : [...this.#includes.expand(statement.block)];
    this.#zones.push({ statement, block });
  }

  readView(statement: Statement): void {
    this.elements.fault(
      statement,
      'views are not supported: every client sees the same zones; put the zone statements at the top level',
    );
  }

  /** `directory` applies from here on to included files (BIND changes its folder as it reads it). */
  gatherOptions(statement: Statement): void {
    if (statement.block === null) {
      this.elements.fault(statement, 'expected options { … };');
      return;
    }
    for (const option of this.#includes.expand(statement.block)) {
      this.#options.push(option);
      if (option.words[0]?.text.toLowerCase() === 'directory') this.#readDirectory(option);
    }
  }

  #readOptions(): void {
    const seen = new Map<string, Statement>();
    for (const option of this.#options) {
      const name = option.words[0]?.text.toLowerCase() ?? '';
      const before = seen.get(name);
      if (before !== undefined && !REPEATABLE.has(name))
        this.elements.fault(option, `given twice: first at ${before.file}:${before.line}`, name);
      seen.set(name, option);
    }
    const port = seen.get('port');
    if (port !== undefined) this.elements.standardPort = this.elements.portNumber(port.words[1]);
    for (const option of this.#options) this.#option(option);
    const forward = seen.get('forward');
    if (forward !== undefined && !seen.has('forwarders'))
      this.elements.fault(forward, 'there are no forwarders', 'forward');
  }

  #option(option: Statement): void {
    const [verb] = option.words;
    const name = verb?.text.toLowerCase() ?? '';
    const handler = ownValue(OPTIONS, name);
    if (handler !== undefined) handler.call(this, option);
    else if (readSetting(this.elements, this.#defaults, option, name, 'options')) return;
    else if (INERT_OPTIONS.includes(name)) this.#inert(option, name, null);
    else if (verb !== undefined)
      this.elements.unknown(verb, 'option', [...Object.keys(OPTIONS), ...SETTINGS, ...INERT_OPTIONS]);
  }

  #inert(option: Statement, name: string, zone: string | null): void {
    checkInert(option, name, this.elements);
    const policy = name === 'dnssec-policy' ? option.words[1]?.text : undefined;
    if (policy !== undefined && !this.#policies.has(policy))
      this.elements.fault(option, `there is no dnssec-policy ${policy}`, name);
    const loss = lossOf(option, name, zone);
    if (loss !== null) this.#losses.push(loss);
    else if (option.words[0] !== undefined) this.elements.ignore(option.words[0]);
  }

  /** If off, answers do not continue into another of our zones. It has no other effect, and that is reported. */
  readRecursion(option: Statement): void {
    this.#defaults.recursion = isOn(option);
    this.#inert(option, 'recursion', null);
  }

  gatherListenOn(option: Statement, family: 4 | 6): void {
    this.#listen.push({ family, option });
  }

  #listenOn(option: Statement, family: 4 | 6): ListenOn {
    this.elements.refuseEncrypted(option);
    return {
      family,
      port: this.elements.port(option.words.slice(1)) ?? this.elements.standardPort,
      match: this.elements.match(option),
    };
  }

  #readDirectory(option: Statement): void {
    this.#directory = this.elements.quoted(option, 'a folder in quotes');
    if (this.#directory !== null)
      this.#includes.base = isAbsolute(this.#directory) ? this.#directory : join(this.#includes.base, this.#directory);
  }

  readVersion(option: Statement): void {
    const version = this.elements.value(option, 'a text in quotes, or none');
    this.#version = option.words[1]?.quoted === false && version?.toLowerCase() === 'none' ? null : version;
  }

  /** Settings that zones must not share (named-checkconf). */
  #checkTogether(
    zones: readonly {
      readonly name: string;
      readonly place: { readonly file: string; readonly line: number };
      readonly zone: NamedZone | null;
    }[],
  ): void {
    const names = new Map<string, string>();
    const files = new Map<string, { readonly place: string; readonly written: boolean }>();
    for (const { name, place, zone } of zones) {
      const here = `${place.file}:${place.line}`;
      const before = names.get(nameKey(name));
      if (before !== undefined) this.elements.fault(place, `zone "${name}" is given twice: first at ${before}`);
      else names.set(nameKey(name), here);
      if (zone === null || zone.file === null) continue;
      const written = zone.kind === 'secondary';
      const other = files.get(zone.file);
      if (other !== undefined && (written || other.written))
        this.elements.fault(
          place,
          `zone "${name}": the file ${zone.file}, which a secondary zone is written to, is in use by the zone at ${other.place}`,
        );
      files.set(zone.file, { place: here, written: written || (other?.written ?? false) });
    }
  }
}

const STATEMENTS: Readonly<Record<string, (this: NamedReader, statement: Statement, name: Word | undefined) => void>> =
  {
    options: NamedReader.prototype.gatherOptions,
    zone: NamedReader.prototype.readZone,
    acl: NamedReader.prototype.readAcl,
    masters: NamedReader.prototype.readList,
    primaries: NamedReader.prototype.readList,
    'remote-servers': NamedReader.prototype.readList,
    view: NamedReader.prototype.readView,
  };

const DONE = (): void => {};

const OPTIONS: Readonly<Record<string, (this: NamedReader, option: Statement) => void>> = {
  'listen-on': function (option) {
    this.gatherListenOn(option, 4);
  },
  'listen-on-v6': function (option) {
    this.gatherListenOn(option, 6);
  },
  version: NamedReader.prototype.readVersion,
  recursion: NamedReader.prototype.readRecursion,
  // Read before all others.
  directory: DONE,
  port: DONE,
};
