/**
 * The elements of named.conf's statements: values, ports, address match lists, lists of servers, with the
 * names of acls and server lists that were made so far. Faults are gathered, never thrown.
 */

import { nearest } from '../nearest.ts';
import { type AddressMatch, type AddressRule, NONE, parsePrefix } from '../protocol/dns/address-match.ts';
import { parseIp4, parseIp6 } from '../protocol/dns/name.ts';
import type { Fault } from './fault.ts';
import type { Statement, Word } from './named-syntax.ts';

export const DNS_PORT = 53;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export class NamedElements {
  readonly faults: Fault[] = [];
  readonly acls = new Map<string, AddressMatch>();
  readonly lists = new Map<string, readonly Endpoint[]>();
  /** Statements of BIND's that have no effect here, by the first place of each. */
  readonly ignored = new Map<string, Word>();

  fault(place: { readonly file: string; readonly line: number }, message: string, parameter?: string): void {
    this.faults.push({ file: place.file, line: place.line, message, ...(parameter === undefined ? {} : { parameter }) });
  }

  unknown(word: Word, kind: string, known: readonly string[]): void {
    const near = nearest(word.text, known);
    this.fault(word, `unknown ${kind} '${word.text}'${near === undefined ? '' : `: did you mean ${near}?`}`);
  }

  ignore(word: Word): void {
    if (!this.ignored.has(word.text)) this.ignored.set(word.text, word);
  }

  value(option: Statement, expected: string): string | null {
    const [verb, value] = option.words;
    if (value === undefined || option.words.length > 2) this.fault(option, `expected ${expected}`, verb?.text);
    return value?.text ?? null;
  }

  /** `port 53` among words. */
  port(words: readonly Word[]): number {
    const at = words.findIndex((word) => word.text === 'port');
    if (at < 0) return DNS_PORT;
    const word = words[at + 1];
    const port = word !== undefined && /^[0-9]{1,5}$/.test(word.text) ? Number(word.text) : 0;
    if (port >= 1 && port <= 65535) return port;
    const place = word ?? words[at];
    if (place !== undefined) this.fault(place, `'${word?.text ?? ''}' is no port: expected 1 to 65535`);
    return DNS_PORT;
  }

  match(statement: Statement): AddressMatch {
    if (statement.block === null) {
      this.fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return NONE;
    }
    return statement.block.map((element) => this.#rule(element)).filter((rule) => rule !== null);
  }

  #rule(element: Statement): AddressRule | null {
    const [first, second] = element.words;
    const alone = first?.text === '!';
    const word = alone ? second : first;
    const negated = first?.text.startsWith('!') ?? false;
    if (element.block !== null) return { negated, match: { kind: 'list', rules: this.match(element) } };
    if (word === undefined) return null;
    const text = negated && !alone ? word.text.slice(1) : word.text;
    if (text === 'none') return { negated: !negated, match: { kind: 'any' } };
    if (text === 'any' || text === 'localhost' || text === 'localnets') return { negated, match: { kind: text } };
    const prefix = parsePrefix(text);
    if (prefix !== null) return { negated, match: { kind: 'prefix', ...prefix } };
    const acl = this.acls.get(text);
    if (acl !== undefined) return { negated, match: { kind: 'list', rules: acl } };
    if (text === 'key') this.fault(word, 'keys are not supported: name the addresses instead');
    else {
      const near = nearest(text, ['any', 'none', 'localhost', 'localnets', ...this.acls.keys()]);
      this.fault(
        word,
        `'${text}': expected an address, a prefix such as 10.0.0.0/8, any, none, localhost, localnets or an acl made before${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    return null;
  }

  /** `{ 192.0.2.1 port 5353; list; }`, with a port for all before the block. */
  endpoints(statement: Statement): readonly Endpoint[] {
    if (statement.block === null) {
      this.fault(statement, 'expected { addresses; }', statement.words[0]?.text);
      return [];
    }
    const standard = this.port(statement.words.slice(1));
    return statement.block.flatMap((element): readonly Endpoint[] => {
      const [address] = element.words;
      if (address === undefined) return [];
      const list = this.lists.get(address.text);
      if (list !== undefined) return list;
      if (parseIp4(address.text) === null && parseIp6(address.text) === null) {
        this.fault(address, `'${address.text}': expected an IP address, or the name of a primaries list made before`);
        return [];
      }
      if (element.words.some((word) => word.text === 'key' || word.text === 'tls')) this.fault(address, 'keys and TLS are not supported for transfers');
      const port = element.words.some((word) => word.text === 'port') ? this.port(element.words) : standard;
      return [{ address: address.text, port }];
    });
  }
}
