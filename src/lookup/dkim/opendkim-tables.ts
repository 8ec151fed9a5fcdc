/**
 * OpenDKIM's KeyTable and SigningTable (opendkim.conf(5)) as it reads them: files of lines, `#` begins a comment.
 *
 * KeyTable: `NAME DOMAIN:SELECTOR:/path/of/key`, `%` for the domain of the sender. SigningTable: `ADDRESS NAME`; with
 * `refile:` before its path the addresses are patterns in which `*` is any text, the first that matches counts;
 * otherwise user@host, host, user@.domain, .domain, user@*, * are looked up in this order.
 */
import { readFileSync } from 'node:fs';
import { isHostName } from '../../mail/host-name.ts';
import { TableFault } from '../table-fault.ts';

const LARGEST = 16 * 1024 * 1024;

/** As the plugin's settings name them. */
export interface TablePaths {
  readonly key_table: string;
  readonly signing_table: string;
}

/** Throws an Error that says which file, which line and what to do. */
export function openTables(given: TablePaths, pathOf: (path: string) => string): OpenDkimTables {
  const [, type, path = ''] = /^(?:(refile|file):)?(.*)$/.exec(given.signing_table) ?? [];
  const signing = { path: pathOf(path), isPatterns: type === 'refile' };
  try {
    return new OpenDkimTables(pathOf(given.key_table.replace(/^file:/, '')), signing, pathOf);
  } catch (error) {
    if (!(error instanceof TableFault)) throw error;
    throw new Error(`${error.place}: ${error.message}`, { cause: error });
  }
}

interface Row {
  readonly line: number;
  readonly words: readonly string[];
}

/** A key as the table names it: `%` is still in it. */
interface NamedKey {
  readonly domain: string;
  readonly selector: string;
  readonly path: string;
}

/** Which key signs, and where it is. */
export interface ChosenKey {
  readonly domain: string;
  readonly selector: string;
  readonly path: string;
}

export class OpenDkimTables {
  readonly #keys: ReadonlyMap<string, NamedKey>;
  readonly #chosen: readonly { readonly pattern: string; readonly name: string }[];
  readonly #exact: ReadonlyMap<string, string>;
  readonly #isPatterns: boolean;

  /** Paths as they are opened; `pathOf` finds those in the key table. Throws TableFault with file, line and remedy. */
  constructor(
    keyTable: string,
    signingTable: { readonly path: string; readonly isPatterns: boolean },
    pathOf: (path: string) => string,
  ) {
    this.#keys = keysOf(keyTable, pathOf);
    const rows = rowsOf(signingTable.path);
    const unknown = rows.find(({ words: [, name = ''] }) => name !== '%' && !this.#keys.has(name));
    if (unknown !== undefined)
      throw new TableFault(
        signingTable.path,
        unknown.line,
        `expected an address and the name of a key of ${keyTable}, got ${JSON.stringify(unknown.words.join(' ').slice(0, 80))}`,
      );
    this.#chosen = rows.map(({ words: [pattern = '', name = ''] }) => ({ pattern: pattern.toLowerCase(), name }));
    this.#exact = new Map(this.#chosen.toReversed().map(({ pattern, name }) => [pattern, name]));
    this.#isPatterns = signingTable.isPatterns;
  }

  /** The key for an address of From; null: it is not signed. */
  find(address: string): ChosenKey | null {
    const lower = address.toLowerCase();
    const domain = lower.slice(lower.lastIndexOf('@') + 1);
    const name = this.#isPatterns
      ? this.#chosen.find(({ pattern }) => matches(pattern, lower))?.name
      : keysFor(lower, domain)
          .map((key) => this.#exact.get(key))
          .find((found) => found !== undefined);
    const key = name === undefined ? undefined : this.#keys.get(name === '%' ? domain : name);
    if (key === undefined || !isHostName(domain)) return null;
    const filled = (text: string): string => text.replaceAll('%', () => domain);
    return { domain: filled(key.domain), selector: key.selector, path: filled(key.path) };
  }

  /** Those that name their domain, for what is to be published. */
  all(): readonly ChosenKey[] {
    return [...this.#keys.values()].filter(({ domain, path }) => !`${domain}${path}`.includes('%'));
  }
}

function keysOf(file: string, pathOf: (path: string) => string): ReadonlyMap<string, NamedKey> {
  return new Map(
    rowsOf(file).map(({ line, words: [name = '', value = ''] }) => {
      const [domain = '', selector = '', path = ''] = value.split(':');
      if (!(domain === '%' || isHostName(domain)) || !isHostName(selector) || !/^(?:\/|\.{1,2}\/)/.test(path))
        throw new TableFault(
          file,
          line,
          `expected "NAME DOMAIN:SELECTOR:/path/of/the/key", got ${JSON.stringify(`${name} ${domain}:${selector}:…`.slice(0, 120))}; a key has to be in a file of its own`,
        );
      return [name, { domain: domain.toLowerCase(), selector: selector.toLowerCase(), path: pathOf(path) }];
    }),
  );
}

function rowsOf(file: string): readonly Row[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new TableFault(file, 0, `cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  if (text.length > LARGEST) throw new TableFault(file, 0, `is longer than ${LARGEST} characters`);
  return text.split('\n').flatMap((written, at) => {
    const words = written.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') return [];
    if (words.length < 2)
      throw new TableFault(file, at + 1, `expected two words, got ${JSON.stringify(words[0]?.slice(0, 80))}`);
    return [{ line: at + 1, words }];
  });
}

function keysFor(address: string, domain: string): readonly string[] {
  const user = address.slice(0, address.lastIndexOf('@'));
  const above = domain.split('.').map((_, at, labels) => `.${labels.slice(at).join('.')}`);
  return [address, domain, ...above.map((one) => `${user}@${one}`), ...above, `${user}@*`, '*'];
}

/** `*` is any text. Linear in the length of the address for each part. */
function matches(pattern: string, address: string): boolean {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  if (parts.length === 1) return address === first;
  const last = parts.at(-1) ?? '';
  if (!address.startsWith(first) || address.length < first.length + last.length) return false;
  let at = first.length;
  const end = address.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = address.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return address.endsWith(last);
}
