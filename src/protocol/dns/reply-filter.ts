/** smtp_dns_reply_filter and smtpd_dns_reply_filter: tables that say which records of DNS answers are left out. */
import { ResolveError, type Resolver } from './resolver.ts';

/** A lookup table. */
export interface ReplyFilter {
  readonly name: string;
  get(key: string): string | undefined | Promise<string | undefined>;
}

/** All that DNS answered was left out. */
export class FilteredError extends Error {
  override readonly name = 'FilteredError';
}

/** Of each type that is filtered, how Postfix writes a record's data. */
const DATA = {
  MX: ({ preference, exchange }: { readonly preference: number; readonly exchange: string }) =>
    `${preference} ${exchange}.`,
  A: String,
  AAAA: String,
  NS: (name: string) => `${name}.`,
  TXT: String,
} as const;

/** As Postfix asks: `qq.com. 0 IN MX 10 mail.qq.com.`; the resolver does not say how long an answer is valid. */
export async function unfiltered<T extends keyof typeof DATA, R extends Parameters<(typeof DATA)[T]>[0]>(
  records: readonly R[],
  filter: readonly ReplyFilter[],
  name: string,
  type: T,
): Promise<readonly R[]> {
  if (filter.length === 0) return records;
  const written = DATA[type] as (record: R) => string;
  const kept: R[] = [];
  for (const record of records)
    if (!(await isIgnored(`${name}. 0 IN ${type} ${written(record)}`, filter))) kept.push(record);
  if (kept.length > 0 || records.length === 0) return kept;
  throw new FilteredError(`Error looking up name=${name} type=${type}: DNS reply filter drops all results`);
}

async function isIgnored(text: string, filter: readonly ReplyFilter[]): Promise<boolean> {
  for (const table of filter) {
    const found = await table.get(text);
    if (found === undefined) continue;
    if (found.trim().toUpperCase() === 'IGNORE') return true;
    throw new ResolveError('tempfail', `${table.name}: unknown DNS filter action: "${found.slice(0, 60)}"`);
  }
  return false;
}

/** What it answers without the records that the tables leave out; of client names (PTR) nothing is left out. */
export function filteredResolver(resolver: Resolver, filter: readonly ReplyFilter[]): Resolver {
  if (filter.length === 0) return resolver;
  return {
    mx: async (domain) => unfiltered(await resolver.mx(domain), filter, domain, 'MX'),
    a: async (name) => unfiltered(await resolver.a(name), filter, name, 'A'),
    aaaa: async (name) => unfiltered(await resolver.aaaa(name), filter, name, 'AAAA'),
    ns: async (domain) => unfiltered(await resolver.ns(domain), filter, domain, 'NS'),
    txt: async (name) => unfiltered(await resolver.txt(name), filter, name, 'TXT'),
    ptr: (ip) => resolver.ptr(ip),
    cname: (name) => resolver.cname(name),
  };
}
