/**
 * Whether a domain can receive mail, and whether a host name exists: the DNS lookups of the reject_unknown_*
 * restrictions.
 */
import { ResolveError, type Resolver } from '../../src/bus/plugin.ts';
import { FilteredError } from '../../src/protocol/dns/reply-filter.ts';
import { inTime } from './patience.ts';

/** `filtered`: smtpd_dns_reply_filter left out all that DNS answered; like Postfix, nobody is refused for that. */
export type Existence = 'exists' | 'notfound' | 'nullmx' | 'tempfail' | 'filtered';

const isFound = <T>(found: readonly T[] | 'filtered' | null): found is readonly T[] =>
  found !== null && found !== 'filtered';

/** The answer to one query; NXDOMAIN and NODATA are null. Throws if there was no answer. */
async function answer<T>(asked: Promise<readonly T[]>): Promise<readonly T[] | 'filtered' | null> {
  try {
    const records = await asked;
    return records.length === 0 ? null : records;
  } catch (error) {
    if (error instanceof FilteredError) return 'filtered';
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
  if (isFound(mx)) return mx.length === 1 && (mx[0]?.exchange === '' || mx[0]?.exchange === '.') ? 'nullmx' : 'exists';
  const v4 = await answer(resolver.a(domain));
  if (isFound(v4)) return 'exists';
  const v6 = await answer(resolver.aaaa(domain));
  if (isFound(v6)) return 'exists';
  return [mx, v4, v6].includes('filtered') ? 'filtered' : 'notfound';
}
