/**
 * Names that may be short: tried with the domains of a search list too, in the order of the system's resolver
 * (resolver(3): RES_DEFNAMES, RES_DNSRCH; resolv.conf(5)).
 */
import { ResolveError, type Resolver } from './resolver.ts';

export interface SearchList {
  readonly domains: readonly string[];
  /** A name with this many dots is tried as it is first. */
  readonly ndots: number;
}

export interface SearchOptions {
  /** A name without a dot is tried with the first domain (res_defnames), and with all if `searches`. */
  readonly completes: boolean;
  /** A name with dots is tried with each domain (res_dnsrch). */
  readonly searches: boolean;
}

type Lookups = Pick<Resolver, 'mx' | 'a' | 'aaaa' | 'cname'>;

/**
 * The names to ask for, in their order.
 * @internal
 */
export function searchedNames(
  name: string,
  list: SearchList,
  { completes, searches }: SearchOptions,
): readonly string[] {
  const dots = name.split('.').length - 1;
  if (name.endsWith('.')) return [name];
  const isSearched = dots === 0 ? completes : searches;
  const domains = searches ? list.domains : list.domains.slice(0, 1);
  const longer = isSearched ? domains.map((domain) => `${name}.${domain}`) : [];
  return dots >= list.ndots ? [name, ...longer] : [...longer, name];
}

/** Rejects as the name itself does where no longer one has such records, or cannot be asked. */
export function searching(resolver: Lookups, list: SearchList, options: SearchOptions): Lookups {
  if (!options.completes && !options.searches) return resolver;
  const first = async <T>(name: string, ask: (name: string) => Promise<T>): Promise<T> => {
    let fault: ResolveError | null = null;
    for (const one of searchedNames(name, list, options)) {
      try {
        return await ask(one);
      } catch (error) {
        if (!(error instanceof ResolveError)) throw error;
        // What is not known now may exist: it is no answer that another name has none.
        if (fault === null || RANKS[error.reason] > RANKS[fault.reason]) fault = error;
      }
    }
    throw fault ?? new ResolveError('notfound', name);
  };
  return {
    mx: (name) => first(name, (one) => resolver.mx(one)),
    a: (name) => first(name, (one) => resolver.a(one)),
    aaaa: (name) => first(name, (one) => resolver.aaaa(one)),
    cname: (name) => first(name, (one) => resolver.cname(one)),
  };
}

const RANKS: Readonly<Record<ResolveError['reason'], number>> = { notfound: 0, nodata: 1, tempfail: 2 };
