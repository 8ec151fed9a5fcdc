/**
 * The elements of named.conf's statements: values, ports, address match lists, server lists.
 *
 * Names of acls and server lists may be used before they are defined, as in BIND: definitions are gathered first, and a
 * name is looked up when a list is read. Errors are gathered, never thrown.
 */

import { nearest } from '../../nearest.ts';
import { type AddressMatch, type AddressRule, NONE, parsePrefix } from '../../protocol/dns/address-match.ts';
import type { Endpoint } from '../../protocol/dns/endpoint.ts';
import { parseIp4, parseIp6 } from '../../protocol/dns/name.ts';
import type { Fault } from '../fault.ts';
import type { Statement, Word } from './syntax.ts';

const DNS_PORT = 53;

/** A named list: its syntax until it is used, then its value. */
interface Definition<T> {
  readonly statement: Statement;
  state: 'unread' | 'being read' | { readonly value: T };
}

const BUILT_IN = ['any', 'none', 'localhost', 'localnets'];
const EXPECTED_ADDRESS =
  'expected an address, a prefix such as 10.0.0.0/8, any, none, localhost, localnets or the name of an acl';
/** Maximum nesting of lists: named lists may name others. */
const MAX_NESTING = 40;

export class NamedElements {
  readonly faults: Fault[] = [];
  readonly #acls = new Map<string, Definition<AddressMatch>>();
  readonly #lists = new Map<string, Definition<readonly Endpoint[]>>();
  /** BIND options that have no effect here and need no note of their own, by first occurrence. */
  readonly ignored = new Map<string, Word>();
  /** `options { port …; }`: for every address without its own port. */
  standardPort = DNS_PORT;
  #nesting = 0;
  /** Unknown names are allowed in a list that is not used, as in BIND. */
  #unused = false;

  fault(place: { readonly file: string; readonly line: number }, message: string, parameter?: string): void {
    this.faults.push({
      file: place.file,
      line: place.line,
      message,
      ...(parameter === undefined ? {} : { parameter }),
    });
  }

  unknown(word: Word, kind: string, known: readonly string[]): void {
    const near = nearest(word.text, known);
    this.fault(word, `unknown ${kind} '${word.text}'${near === undefined ? '' : `: did you mean ${near}?`}`);
  }

  ignore(word: Word): void {
    const name = word.text.toLowerCase();
    if (!this.ignored.has(name)) this.ignored.set(name, word);
  }

  /** acl names are case-insensitive (BIND). */
  defineAcl(name: Word, statement: Statement): void {
    const key = name.text.toLowerCase();
    const known = this.#acls.get(key)?.statement;
    if (BUILT_IN.includes(key)) this.fault(name, `acl ${name.text}: the name is built in: choose another`);
    else if (known !== undefined)
      this.fault(name, `acl ${name.text} is given twice: first at ${known.file}:${known.line}`);
    else this.#acls.set(key, { statement, state: 'unread' });
  }

  defineList(name: Word, statement: Statement): void {
    const known = this.#lists.get(name.text)?.statement;
    if (known === undefined) this.#lists.set(name.text, { statement, state: 'unread' });
    else this.fault(name, `the list ${name.text} is given twice: first at ${known.file}:${known.line}`);
  }

  /** Reads definitions that are not used, so that typos in addresses are reported there too. */
  checkUnused(): void {
    this.#unused = true;
    for (const [name, { state }] of this.#acls) if (state === 'unread') this.#acl(name, null);
    for (const [name, { state }] of this.#lists) if (state === 'unread') this.#list(name, null);
  }

  value(option: Statement, expected: string): string | null {
    const [verb, value] = option.words;
    if (value === undefined || option.words.length > 2 || option.block !== null)
      this.fault(option, `expected ${expected}`, verb?.text);
    return value?.text ?? null;
  }

  /** A value that BIND requires in quotes: a file, a folder. */
  quoted(option: Statement, expected: string): string | null {
    const value = this.value(option, expected);
    if (value !== null && option.words[1]?.quoted === false)
      this.fault(option, `expected ${expected}: the quotes are missing`, option.words[0]?.text);
    return value;
  }

  /** `port 53` in a list of words; `undefined` if there is none. */
  port(words: readonly Word[]): number | undefined {
    const at = words.findIndex((word) => !word.quoted && word.text.toLowerCase() === 'port');
    return at < 0 ? undefined : this.portNumber(words[at + 1] ?? words[at]);
  }

  portNumber(word: Word | undefined): number {
    const port = word !== undefined && /^[0-9]{1,5}$/.test(word.text) ? Number(word.text) : 0;
    if (port >= 1 && port <= 65535) return port;
    if (word !== undefined) this.fault(word, `'${word.text}' is not a port: expected 1 to 65535`);
    return this.standardPort;
  }

  match(statement: Statement): AddressMatch {
    if (statement.block === null) {
      this.fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return NONE;
    }
    if (this.#nesting >= MAX_NESTING) {
      this.fault(statement, `lists of addresses are nested more than ${MAX_NESTING} deep`);
      return NONE;
    }
    this.#nesting += 1;
    const rules = statement.block.map((element) => this.#rule(element)).filter((rule) => rule !== null);
    this.#nesting -= 1;
    return rules;
  }

  #rule(element: Statement): AddressRule | null {
    const [first, second, third] = element.words;
    const alone = first?.text === '!' && !first.quoted;
    const word = alone ? second : first;
    const extra = alone ? third : second;
    const negated = first !== undefined && !first.quoted && first.text.startsWith('!');
    if (element.block !== null) return { negated, match: { kind: 'list', rules: this.match(element) } };
    if (word === undefined) {
      this.fault(element, `nothing after '!': ${EXPECTED_ADDRESS}`);
      return null;
    }
    const text = negated && !alone ? word.text.slice(1) : word.text;
    if (!word.quoted && (text === 'key' || text === 'geoip')) {
      if (!this.#unused)
        this.fault(
          word,
          text === 'key'
            ? 'keys are not supported: name the addresses instead'
            : 'geoip is not supported: name the addresses instead',
        );
      return null;
    }
    if (!word.quoted && text === 'include') {
      this.fault(word, 'include is not allowed in a list of addresses: include a file with the whole acl { … };');
      return null;
    }
    if (extra !== undefined) {
      this.fault(extra, `missing ';' before '${extra.text}'`);
      return null;
    }
    return (
      this.#named(word, text, negated) ??
      (word.quoted ? this.#unknownName(word, text) : this.#address(word, text, negated))
    );
  }

  /** A built-in name or an acl; null if it is neither. */
  #named(word: Word, text: string, negated: boolean): AddressRule | null {
    const name = text.toLowerCase();
    if (name === 'none') return { negated: !negated, match: { kind: 'any' } };
    if (name === 'any' || name === 'localhost' || name === 'localnets') return { negated, match: { kind: name } };
    const acl = this.#acl(name, word);
    return acl === null ? null : { negated, match: { kind: 'list', rules: acl } };
  }

  #address(word: Word, text: string, negated: boolean): AddressRule | null {
    const prefix = parsePrefix(text);
    if (prefix === null) return this.#unknownName(word, text);
    const network = prefix.octets.map(
      (octet, i) => octet & (0xff << Math.max(0, 8 - Math.max(0, prefix.bits - i * 8))) & 0xff,
    );
    if (network.some((octet, i) => octet !== prefix.octets[i]))
      this.fault(word, `'${text}': address/prefix length mismatch: bits of the address are set after the prefix`);
    return { negated, match: { kind: 'prefix', ...prefix } };
  }

  #unknownName(word: Word, text: string): null {
    // An incomplete address is not taken as a list name (BIND).
    const broken = !word.quoted && (/^[0-9]+(?:\.[0-9]*){0,2}$/.test(text) || text.includes('/'));
    if (this.#unused && !broken) return null;
    const near = nearest(text, [...BUILT_IN, ...this.#acls.keys()]);
    this.fault(word, `'${text}': ${EXPECTED_ADDRESS}${near === undefined ? '' : `; did you mean ${near}?`}`);
    return null;
  }

  #acl(name: string, user: Word | null): AddressMatch | null {
    const definition = this.#acls.get(name);
    return definition === undefined
      ? null
      : this.#read(definition, user, `acl ${name}`, NONE, () => this.match(definition.statement));
  }

  #list(name: string, user: Word | null): readonly Endpoint[] | null {
    const definition = this.#lists.get(name);
    return definition === undefined
      ? null
      : this.#read(definition, user, `the list ${name}`, [], () => this.endpoints(definition.statement, 2));
  }

  #read<T>(definition: Definition<T>, user: Word | null, what: string, nothing: T, read: () => T): T {
    if (typeof definition.state === 'object') return definition.state.value;
    if (definition.state === 'being read') {
      if (!this.#unused) this.fault(user ?? definition.statement, `${what} contains itself`);
      return nothing;
    }
    definition.state = 'being read';
    const value = read();
    definition.state = { value };
    return value;
  }

  /**
   * `{ 192.0.2.1 port 5353; list; }`, with a port for all before the block; the first `skip` words belong to the option
   * itself.
   */
  endpoints(statement: Statement, skip = 1): readonly Endpoint[] {
    if (statement.block === null) {
      this.fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return [];
    }
    const standard = this.port(statement.words.slice(skip)) ?? this.standardPort;
    return statement.block.flatMap((element): readonly Endpoint[] => {
      const [address] = element.words;
      if (address === undefined) return [];
      const secured = element.words.find((word, i) => i > 0 && (word.text === 'key' || word.text === 'tls'));
      if (secured !== undefined && !this.#unused) this.fault(address, 'keys and TLS are not supported for transfers');
      if (parseIp4(address.text) !== null || parseIp6(address.text) !== null)
        return [{ address: address.text, port: this.port(element.words.slice(1)) ?? standard }];
      const list = this.#list(address.text, address);
      if (list === null && !this.#unused)
        this.fault(address, `'${address.text}': expected an IP address, or the name of a primaries list`);
      return list ?? [];
    });
  }

  /** Rejects words before a list that would restrict it: `tls`, `http`, `transport`. */
  refuseEncrypted(option: Statement): void {
    const word = option.words.slice(1).find(({ text }) => ['tls', 'http', 'transport'].includes(text.toLowerCase()));
    if (word !== undefined) this.fault(word, 'DNS over TLS or HTTPS is not supported', option.words[0]?.text);
  }
}
