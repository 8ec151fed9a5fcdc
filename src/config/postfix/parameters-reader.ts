/**
 * ParameterReader over a main.cf: overrides first, then the file, then computed and table defaults.
 *
 * Each value is expanded once and cached. A service of master.cf gets its own reader, in which its `-o` values also
 * apply to every `$name` that refers to them.
 */
import type { ParameterReader, UntypedReader } from '../../lookup/parameters.ts';
import { splitTexts } from '../../lookup/split-list.ts';
import { expand } from './macro.ts';
import type { BooleanName, ListName, NumberName, StringName, TimeName } from './parameters/names.ts';
import { isRaw, MATCH_LISTS } from './parameters/row.ts';
import { parameterRow } from './parameters.ts';
import { defaultUnit, parseBoolean, parseNumber, parseTime } from './values.ts';

/** A default that depends on the machine or on other values; undefined: use the table's. */
export type ComputedDefault = (reader: MainParameters) => string | undefined;

export interface ParameterSources {
  /** main.cf as written. */
  readonly settings: ReadonlyMap<string, { readonly value: string }>;
  /** `-o name=value`, which take precedence over everything else. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly computed: ReadonlyMap<string, ComputedDefault>;
  /** Reads a file named by a list item (`/etc/postfix/local-domains`). */
  readonly readFile: (path: string) => string;
}

export class MainParameters implements ParameterReader {
  readonly #sources: ParameterSources;
  readonly #strings = new Map<string, string>();
  readonly #lists = new Map<string, readonly string[]>();

  readonly untyped: UntypedReader = {
    string: (name) => this.#string(name),
    boolean: (name) => this.#typed(name, parseBoolean),
    number: (name) => this.#typed(name, parseNumber),
    time: (name) => this.#time(name),
    list: (name) => this.#list(name),
  };

  constructor(sources: ParameterSources) {
    this.#sources = sources;
  }

  /** A reader in which these values take precedence over all others. */
  withOverrides(overrides: Iterable<readonly [string, string]>): MainParameters {
    return new MainParameters({ ...this.#sources, overrides: new Map([...this.#sources.overrides, ...overrides]) });
  }

  /** Whether the parameter was set in main.cf or overridden. */
  isSet(name: string): boolean {
    return this.#sources.overrides.has(name) || this.#sources.settings.has(name);
  }

  /** The value before expansion; undefined if the name is unknown and not set. */
  raw(name: string): string | undefined {
    return this.#sources.overrides.get(name) ?? this.#sources.settings.get(name)?.value ?? this.default(name);
  }

  /** The default before expansion; undefined if the name is unknown. */
  default(name: string): string | undefined {
    return this.#sources.computed.get(name)?.(this) ?? parameterRow(name)?.default;
  }

  string(name: StringName): string {
    return this.#string(name);
  }

  #string(name: string): string {
    const known = this.#strings.get(name);
    if (known !== undefined) return known;
    const raw = this.raw(name);
    if (raw === undefined) throw new Error(`no parameter is named "${name}"`);
    const type = parameterRow(name)?.type;
    let value = isRaw(type) ? raw : this.expand(raw);
    if (type === 'filetext' && value.startsWith('/')) value = firstWord(this.#sources.readFile(value));
    this.#strings.set(name, value);
    return value;
  }

  /** Any text with its `$name`s replaced. Throws MacroError. */
  expand(text: string): string {
    return expand(text, (name) => this.raw(name));
  }

  boolean(name: BooleanName): boolean {
    return this.#typed(name, parseBoolean);
  }

  number(name: NumberName): number {
    return this.#typed(name, parseNumber);
  }

  time(name: TimeName): number {
    return this.#time(name);
  }

  #time(name: string): number {
    const row = parameterRow(name);
    const unit = row === undefined ? 's' : defaultUnit(row);
    return this.#typed(name, (text) => parseTime(text, unit));
  }

  list(name: ListName): readonly string[] {
    return this.#list(name);
  }

  #list(name: string): readonly string[] {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const type = parameterRow(name)?.type;
    const items = splitTexts(this.#string(name));
    const whole = MATCH_LISTS.has(type) ? items.flatMap((item) => this.#fromFile(item)) : items;
    this.#lists.set(name, whole);
    return whole;
  }

  #fromFile(item: string): readonly string[] {
    const negated = item.startsWith('!');
    const path = negated ? item.slice(1) : item;
    if (!path.startsWith('/')) return [item];
    const items = listFileItems(this.#sources.readFile(path));
    return negated ? items.map((inner) => (inner.startsWith('!') ? inner.slice(1) : `!${inner}`)) : items;
  }

  #typed<T>(name: string, parse: (text: string) => T | null): T {
    const text = this.#string(name);
    const value = parse(text);
    if (value === null) throw new Error(`the value "${text}" of ${name} is not of the type that was asked for`);
    return value;
  }
}

/** The items of a file named in a list: words on lines, `#` comments. */
function listFileItems(content: string): string[] {
  return content
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .flatMap((line) => splitTexts(line));
}

const firstWord = (content: string): string => content.split('\n', 1)[0]?.trim() ?? '';
