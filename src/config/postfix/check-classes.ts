/**
 * Domains listed in two address classes (ADDRESS_CLASS_README): only the first class counts. Postfix warns, in these
 * words, when mail for one arrives; we warn at the start. Domains in tables are found if the other class names them.
 */
import type { ListName } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { TableFault } from '../../lookup/table-fault.ts';
import type { Fault } from '../fault.ts';
import type { Setting } from './main-cf.ts';
import type { MainParameters } from './parameters-reader.ts';

/** The pairs that Postfix warns about; with the default, relay_domains includes mydestination. */
const PAIRS: readonly (readonly [ListName, ListName])[] = [
  ['mydestination', 'virtual_alias_domains'],
  ['mydestination', 'virtual_mailbox_domains'],
  ['virtual_alias_domains', 'virtual_mailbox_domains'],
  ['virtual_alias_domains', 'relay_domains'],
  ['virtual_mailbox_domains', 'relay_domains'],
];
const MAX_WARNINGS = 20;

/** `settings` provides the line numbers. The values must have been checked. */
export function classWarnings(
  parameters: MainParameters,
  settings: ReadonlyMap<string, Setting>,
  tables: Pick<Tables, 'open'>,
): Fault[] {
  if (!parameters.boolean('helpful_warnings')) return [];
  const parents = parameters.list('parent_domain_matches_subdomains');
  const classes = new Map(
    [...new Set(PAIRS.flat())].map((name) => [name, readClass(parameters.list(name), parents.includes(name), tables)]),
  );
  const warnings: Fault[] = [];
  for (const [first, second] of PAIRS) {
    const [one, other] = [classes.get(first), classes.get(second)];
    if (one === undefined || other === undefined) continue;
    const both = new Set([...[...one.names].filter(other.has), ...[...other.names].filter(one.has)]);
    // With relay_domains' default, a domain of mydestination is in both.
    const rest =
      first === 'mydestination'
        ? both
        : [...both].filter((domain) => classes.get('mydestination')?.has(domain) !== true);
    for (const domain of rest) warnings.push(warningOf(domain, [first, second], settings));
  }
  return warnings.slice(0, MAX_WARNINGS);
}

interface DomainClass {
  /** The names listed literally, in lower case. */
  readonly names: ReadonlySet<string>;
  has(domain: string): boolean;
}

function readClass(items: readonly string[], subdomains: boolean, tables: Pick<Tables, 'open'>): DomainClass {
  const names = new Set<string>();
  const excepted = new Set<string>();
  const opened: LookupTable[] = [];
  for (const item of items) {
    if (item.startsWith('!')) excepted.add(item.slice(1).toLowerCase());
    else if (item.includes(':') && !item.startsWith('[')) opened.push(...openTable(item, tables));
    else names.add(item.toLowerCase());
  }
  // As list matching works: the name itself, `.domain` for its subdomains, and subdomains of a plain name if parent
  // matching is on.
  const inNames = (domain: string): boolean =>
    parentsOf(domain).some(
      (parent, depth) => names.has(`.${parent}`) || ((depth === 0 || subdomains) && names.has(parent)),
    );
  return {
    names,
    has: (domain) => !excepted.has(domain) && (inNames(domain) || opened.some((table) => holds(table, domain))),
  };
}

/** `a.b.c`, `b.c`, `c`. */
const parentsOf = (domain: string): string[] =>
  domain.split('.').map((_, depth, labels) => labels.slice(depth).join('.'));

function openTable(name: string, tables: Pick<Tables, 'open'>): LookupTable[] {
  try {
    return [tables.open(name)];
  } catch (error) {
    // Already among the errors.
    if (error instanceof TableFault) return [];
    throw error;
  }
}

/** Remote tables are not queried at a start. */
function holds(table: LookupTable, domain: string): boolean {
  try {
    const found = table.get(domain);
    if (!(found instanceof Promise)) return found !== undefined;
    found.catch(() => {});
  } catch {
    // An unavailable table is reported when mail needs it.
  }
  return false;
}

/** At the line of whichever of the two main.cf sets, preferably the second, which is the one ignored. */
function warningOf(
  domain: string,
  [first, second]: readonly [string, string],
  settings: ReadonlyMap<string, Setting>,
): Fault {
  const written = [second, first].flatMap((name) => settings.get(name) ?? []);
  const setting = written.find(({ value }) => value.toLowerCase().includes(domain)) ?? written[0];
  const message = `do not list domain ${domain} in BOTH ${first} and ${second}: only ${first} counts`;
  if (setting === undefined) return { file: 'main.cf', line: 0, message };
  return {
    file: setting.file,
    line: setting.lineOf(Math.max(0, setting.value.toLowerCase().indexOf(domain))),
    parameter: setting.name,
    message,
  };
}
