/**
 * permit_mx_backup: whether this server is a backup mail exchanger of a domain, by the domain's own records. Anyone can
 * write such records, so it also takes permit_mx_backup_networks: all addresses of the primary exchangers are in them.
 */
import { ResolveError, type Server } from '../../src/bus/plugin.ts';
import type { NetworkMatcher } from '../../src/lookup/network.ts';
import { FilteredError } from '../../src/protocol/dns/reply-filter.ts';
import { inTime } from './patience.ts';

const MOST_HOSTS = 20;
const MOST_ADDRESSES = 20;

export interface BackupQuestion {
  /** In lower case; no address literal. */
  readonly domain: string;
  /** myhostname */
  readonly hostname: string;
  /** permit_mx_backup_networks */
  readonly networks: NetworkMatcher;
}

/** A text says what could not be looked up now. */
export async function isMxBackup(server: Server, question: BackupQuestion): Promise<boolean | string> {
  try {
    return await inTime(judge(server, question));
  } catch (error) {
    if (error instanceof LookupFailure) return error.message;
    if (error instanceof ResolveError || error instanceof FilteredError)
      return 'Unable to look up mail exchanger information';
    throw error;
  }
}

class LookupFailure extends Error {
  override readonly name = 'LookupFailure';
}

async function judge(server: Server, { domain, hostname, networks }: BackupQuestion): Promise<boolean> {
  const exchanges = await orNone(server.resolver.mx(domain));
  // Not all of them could be asked, so that it cannot be known whether they are in the networks.
  if (exchanges.length > MOST_HOSTS) return false;
  const best = Math.min(...exchanges.map(({ preference }) => preference));
  const named = (isPrimary: boolean): string[] =>
    exchanges.filter(({ preference }) => (preference === best) === isPrimary).map(({ exchange }) => exchange);
  const primaries = await hostsOf(server, named(true));
  if (await anyIsUs(server, hostname, primaries)) return false;
  if (!(await anyIsUs(server, hostname, await hostsOf(server, named(false))))) return false;
  for (const { name, addresses } of primaries) {
    if (addresses.length === 0) return false;
    for (const address of addresses) if ((await networks(address, name)) !== true) return false;
  }
  return true;
}

interface Host {
  readonly name: string;
  readonly addresses: readonly string[];
}

const hostsOf = (server: Server, names: readonly string[]): Promise<readonly Host[]> =>
  Promise.all(names.map(async (name) => ({ name, addresses: await addressesOf(server, name) })));

async function anyIsUs(server: Server, hostname: string, hosts: readonly Host[]): Promise<boolean> {
  for (const { name, addresses } of hosts) {
    if (name === hostname.toLowerCase()) return true;
    for (const address of addresses) {
      const literal = address.includes(':') ? `[ipv6:${address}]` : `[${address}]`;
      if ((await server.domains.classify(literal)) === 'local') return true;
    }
  }
  return false;
}

async function addressesOf({ resolver }: Server, name: string): Promise<readonly string[]> {
  try {
    const [v4, v6] = await Promise.all([orNone(resolver.a(name)), orNone(resolver.aaaa(name))]);
    const addresses = [...v4, ...v6];
    if (addresses.length > MOST_ADDRESSES) throw new LookupFailure(`Too many addresses of mail exchanger ${name}`);
    return addresses;
  } catch (error) {
    if (!(error instanceof ResolveError || error instanceof FilteredError)) throw error;
    throw new LookupFailure(`Unable to look up host ${name} as mail exchanger: Temporary failure in name resolution`, {
      cause: error,
    });
  }
}

/** Throws ResolveError where there is no answer now. */
async function orNone<T>(asked: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ResolveError && error.reason !== 'tempfail') return [];
    throw error;
  }
}
