/**
 * Whether a domain can receive mail, and whether a host name exists: the DNS lookups of the reject_unknown_*
 * restrictions.
 */
import { ResolveError, type Resolver } from '../../src/bus/plugin.ts';
import { inTime } from './patience.ts';

export type Existence = 'exists' | 'notfound' | 'nullmx' | 'tempfail';

/** The answer to one query; NXDOMAIN and NODATA are null. Throws if there was no answer. */
async function answer<T>(asked: Promise<readonly T[]>): Promise<readonly T[] | null> {
  try {
    const records = await asked;
    return records.length === 0 ? null : records;
  } catch (error) {
    if (error instanceof ResolveError && error.reason !== 'tempfail') return null;
    throw error;
  }
}

/** The domain has MX or address records (RFC 5321 section 5.1) and not the null MX (RFC 7505). */
export async function mailHost(resolver: Resolver, domain: string): Promise<Existence> {
  try {
    return await inTime(look(resolver, domain));
  } catch {
    return 'tempfail';
  }
}

async function look(resolver: Resolver, domain: string): Promise<Existence> {
  const mx = await answer(resolver.mx(domain));
  if (mx !== null) return mx.length === 1 && (mx[0]?.exchange === '' || mx[0]?.exchange === '.') ? 'nullmx' : 'exists';
  if ((await answer(resolver.a(domain))) !== null) return 'exists';
  return (await answer(resolver.aaaa(domain))) === null ? 'notfound' : 'exists';
}
