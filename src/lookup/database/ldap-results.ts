/**
 * The results of an LDAP lookup (ldap_table(5)): values of `result_attribute`; in entries with a
 * `terminal_result_attribute` of these alone; `special_result_attribute` holds the DNs or URLs of further entries, and an
 * entry with one gives no `leaf_result_attribute`.
 */
import { TableUnavailableError } from '../table-fault.ts';

export interface Search {
  readonly base: string;
  readonly filter: string;
  readonly scope: 'base' | 'one' | 'sub';
  readonly attributes?: readonly string[];
}

export type Entry = Readonly<Record<string, Buffer | Buffer[] | string | string[]>>;

export interface Expansion {
  readonly first: Search;
  readonly attributes: Readonly<Record<'plain' | 'special' | 'terminal' | 'leaf', readonly string[]>>;
  /** `results` is 0 for no limit of the administrator's. */
  readonly limits: { readonly depth: number; readonly results: number };
  search(search: Search): Promise<readonly Entry[]>;
  warn(message: string): void;
}

/** Searches and results of one lookup, for a directory whose entries lead to each other. */
const MOST_SEARCHES = 10_000;
const MOST_RESULTS = 100_000;

/** Rejects with TableUnavailableError. */
export async function expandEntries({
  first,
  attributes,
  limits,
  search,
  warn,
}: Expansion): Promise<readonly string[]> {
  const wanted = Object.values(attributes).flat();
  const results: string[] = [];
  const most = limits.results === 0 ? MOST_RESULTS : limits.results;
  let searches = 0;
  const visit = async (next: Search, depth: number): Promise<void> => {
    searches += 1;
    if (depth > limits.depth || searches > MOST_SEARCHES)
      throw new TableUnavailableError(`entries lead to each other more than ${limits.depth} deep (recursion_limit)`);
    const entries = await search({ attributes: wanted, ...next });
    if (entries.length === 0 && depth > 1) warn(`"${next.base.slice(0, 200)}" is not found, skipping`);
    for (const entry of entries) {
      const { values, further } = read(entry, attributes);
      results.push(...values);
      if (results.length > most) throw new TableUnavailableError('more results than expansion_limit allows');
      for (const reference of further) {
        const search = searchOf(reference);
        if (search === undefined) warn(`"${reference.slice(0, 200)}" is neither a DN nor a URL, skipping`);
        else await visit(search, depth + 1);
      }
    }
  };
  await visit(first, 1);
  return results;
}

function read(
  entry: Entry,
  { plain, special, terminal, leaf }: Expansion['attributes'],
): { readonly values: readonly string[]; readonly further: readonly string[] } {
  // In the order of the server.
  const of = (names: readonly string[]): string[] =>
    Object.entries(entry).flatMap(([name, value]) =>
      names.some((known) => known.toLowerCase() === name.toLowerCase()) ? textsOf(value) : [],
    );
  const last = of(terminal);
  if (last.length > 0) return { values: last, further: [] };
  const further = of(special);
  return { values: of(further.length > 0 ? plain : [...plain, ...leaf]), further };
}

const textsOf = (value: Entry[string]): string[] =>
  (Array.isArray(value) ? value : [value]).map((text) => text.toString());

/** RFC 4516; the server of a URL is the one that is asked anyway. */
function searchOf(reference: string): Search | undefined {
  if (!/^ldap[is]?:\/\//i.test(reference)) return { base: reference, filter: '(objectClass=*)', scope: 'base' };
  const match = /^ldap[is]?:\/\/[^/?]*(?:\/([^?]*)(?:\?([^?]*)(?:\?([^?]*)(?:\?([^?]*))?)?)?)?/i.exec(reference);
  try {
    const [, base = '', attributes = '', scope = '', filter = ''] = match ?? [];
    return {
      base: decodeURIComponent(base),
      ...(attributes === '' ? {} : { attributes: decodeURIComponent(attributes).split(',') }),
      scope: scope === 'sub' || scope === 'one' ? scope : 'base',
      filter: decodeURIComponent(filter) || '(objectClass=*)',
    };
  } catch {
    return undefined;
  }
}
