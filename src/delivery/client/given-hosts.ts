/** The hosts that plugins name for a domain, at the hook `get_mx`. */
import { isIP } from 'node:net';
import type { Hooks, MailHost } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import { reply } from '../../mail/status.ts';
import { ResolveError } from '../../protocol/dns/resolver.ts';
import { addressesOf, type HostLookup } from './host-lookup.ts';
import type { FoundHosts, Host } from './mx.ts';

const REFUSED = {
  permanent: reply(550, '5.7.1', 'mail for this domain is refused here'),
  temporary: reply(450, '4.7.1', 'mail for this domain waits'),
};
const NO_HOSTS = reply(550, '5.4.4', 'a plugin names no host for this domain');
/** Of a plugin for one domain. */
const MOST_HOSTS = 20;

export type GivenHosts =
  | { readonly ok: true; readonly hosts: readonly (Host & { readonly port: number | null })[] }
  | (FoundHosts & { readonly ok: false });

/** Null: they leave it to the DNS. */
export async function hostsByPlugins(hooks: Hooks, domain: string, lookup: HostLookup): Promise<GivenHosts | null> {
  const hosts: MailHost[] = [];
  const verdict = await hooks.run('get_mx', { domain, hosts });
  const refusal = refusalReply(verdict, REFUSED);
  if (refusal !== null)
    return { ok: false, status: refusal.code < 500 ? 'deferred' : 'bounced', reply: refusal, areMine: false };
  if (verdict.code !== 'OK') return null;
  return addressed(hosts.slice(0, MOST_HOSTS), lookup);
}

async function addressed(hosts: readonly MailHost[], lookup: HostLookup): Promise<GivenHosts> {
  const found: (Host & { readonly port: number | null })[] = [];
  let again = false;
  for (const { host, port = null } of hosts) {
    try {
      const ips = isIP(host) === 0 ? await addressesOf(host, lookup) : [host];
      found.push(...ips.map((ip) => ({ name: host.toLowerCase(), ip, port })));
    } catch (error) {
      again ||= !(error instanceof ResolveError) || error.reason === 'tempfail';
    }
  }
  if (found.length > 0) return { ok: true, hosts: found };
  return {
    ok: false,
    status: again ? 'deferred' : 'bounced',
    reply: again ? reply(451, '4.4.3', 'no host that a plugin names for this domain could be found') : NO_HOSTS,
    areMine: false,
  };
}
