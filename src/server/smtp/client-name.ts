/**
 * The client's host name: a PTR name whose own addresses include the client's (Postfix: client_name), and the
 * unverified PTR name (reverse_client_name). Guarantees: never rejects, finishes by its deadline, and ignores a name
 * that is not a host name (PTR records may hold any octets).
 */
import type { Connection, Hooks } from '../../bus/hook.ts';
import { readRefusal } from '../../bus/refusal.ts';
import { isHostName } from '../../mail/host-name.ts';
import { ResolveError, type Resolver } from '../../protocol/dns/resolver.ts';

type ClientName = Pick<Connection['remote'], 'name' | 'reverseName' | 'nameStatus'>;

/** How many PTR names of one address are tried: the owner may publish any number. */
const MAX_NAMES = 3;

const unknown = (nameStatus: ClientName['nameStatus'], reverseName = 'unknown'): ClientName => ({
  name: 'unknown',
  reverseName,
  nameStatus,
});

/** `deadline` in ms. */
export async function findClientName(resolver: Resolver, ip: string, deadline: number): Promise<ClientName> {
  const { promise: late, resolve } = Promise.withResolvers<ClientName>();
  const timer = setTimeout(() => resolve(unknown('tempfail')), deadline);
  try {
    return await Promise.race([confirm(resolver, ip), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Null: no plugin knows it. */
export async function nameByPlugins(hooks: Hooks, connection: Connection): Promise<ClientName | null> {
  const client: { -readonly [key in keyof ClientName]: ClientName[key] } = unknown('notfound');
  const verdict = await hooks.run('lookup_rdns', { connection, client });
  if (verdict.code === 'OK') return { ...client };
  return readRefusal(verdict) === null ? null : unknown('tempfail');
}

async function confirm(resolver: Resolver, ip: string): Promise<ClientName> {
  let names: readonly string[];
  try {
    names = (await resolver.ptr(ip)).filter(isHostName).slice(0, MAX_NAMES);
  } catch (error) {
    return unknown(statusOf(error));
  }
  const [reverseName] = names;
  if (reverseName === undefined) return unknown('notfound');
  let nameStatus: ClientName['nameStatus'] = 'notfound';
  for (const name of names) {
    try {
      const addresses = ip.includes(':') ? await resolver.aaaa(name) : await resolver.a(name);
      if (addresses.includes(ip))
        return { name: name.toLowerCase(), reverseName: reverseName.toLowerCase(), nameStatus: 'ok' };
    } catch (error) {
      if (statusOf(error) === 'tempfail') nameStatus = 'tempfail';
    }
  }
  return unknown(nameStatus, reverseName.toLowerCase());
}

const statusOf = (error: unknown): 'notfound' | 'tempfail' =>
  error instanceof ResolveError && error.reason !== 'tempfail' ? 'notfound' : 'tempfail';
