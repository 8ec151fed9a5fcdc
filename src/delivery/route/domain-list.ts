/**
 * A domain list in main.cf syntax (Postfix: domain_list in match_list(3)): names, `.domain` for all names below it, `!`
 * for exceptions, and `type:table` (the configuration has expanded `/file` items). The first match decides. Plain
 * names, all that most lists contain, take one set lookup.
 */
import type { LookupTable, Tables } from '../../lookup/table.ts';

export interface DomainList {
  /** `domain` in lower case. A promise only if a table has to be queried. */
  matches(domain: string): boolean | Promise<boolean>;
}

export interface DomainListOptions {
  readonly tables: Tables;
  /** A plain name also matches its subdomains (parent_domain_matches_subdomains). */
  readonly subdomains: boolean;
}

type Pattern =
  | { readonly kind: 'name'; readonly name: string; readonly negated: boolean }
  | { readonly kind: 'table'; readonly table: LookupTable; readonly negated: boolean };

export function createDomainList(items: readonly string[], options: DomainListOptions): DomainList {
  const patterns = items.map((item) => patternOf(item, options.tables));
  const plain = patterns.every((p) => p.kind === 'name' && !p.negated && !p.name.startsWith('.'));
  if (plain && !options.subdomains) {
    const names = new Set(patterns.flatMap((p) => (p.kind === 'name' ? [p.name] : [])));
    return { matches: (domain) => names.has(domain) };
  }
  if (patterns.every((p) => p.kind === 'name')) {
    return {
      matches: (domain) =>
        decide(patterns.find((p) => p.kind === 'name' && nameFits(p.name, domain, options.subdomains))),
    };
  }
  return { matches: (domain) => matchInOrder(patterns, domain, options.subdomains) };
}

const decide = (pattern: Pattern | undefined): boolean => pattern !== undefined && !pattern.negated;

async function matchInOrder(patterns: readonly Pattern[], domain: string, subdomains: boolean): Promise<boolean> {
  for (const pattern of patterns) {
    const fits =
      pattern.kind === 'name'
        ? nameFits(pattern.name, domain, subdomains)
        : await tableFits(pattern.table, domain, subdomains);
    if (fits) return !pattern.negated;
  }
  return false;
}

function nameFits(name: string, domain: string, subdomains: boolean): boolean {
  if (name === domain) return true;
  if (name.startsWith('.')) return domain.endsWith(name);
  return subdomains && domain.endsWith(name) && domain.charAt(domain.length - name.length - 1) === '.';
}

async function tableFits(table: LookupTable, domain: string, subdomains: boolean): Promise<boolean> {
  if ((await table.get(domain)) !== undefined) return true;
  if (table.wholeKeyOnly) return false;
  for (let dot = domain.indexOf('.'); dot > 0; dot = domain.indexOf('.', dot + 1)) {
    if ((await table.get(subdomains ? domain.slice(dot + 1) : domain.slice(dot))) !== undefined) return true;
  }
  return false;
}

function patternOf(item: string, tables: Tables): Pattern {
  const negated = item.startsWith('!');
  const text = negated ? item.slice(1) : item;
  // An address literal such as [::1] contains colons too.
  if (text.includes(':') && !text.startsWith('[')) return { kind: 'table', table: tables.open(text), negated };
  return { kind: 'name', name: text.toLowerCase(), negated };
}
