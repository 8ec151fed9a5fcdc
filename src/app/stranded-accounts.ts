/**
 * Accounts whose domain is not served: they receive no mail, and a login without a domain no longer finds them. This
 * happens if `mydomain` is set after the first accounts were created.
 */

import { few } from '../few.ts';
import type { Domains } from '../lookup/domains.ts';
import { domainOf } from '../mail/address.ts';
import type { Directory } from '../store/directory.ts';

/** How many accounts and domains are named. */
const NAMED = 5;
/** How many domains are checked: each may need a query to a remote table. */
const MAX_DOMAINS = 1_000;

/** One line with what to do, or none. */
export async function strandedAccounts(directory: Pick<Directory, 'list'>, domains: Domains): Promise<string[]> {
  const byDomain = Map.groupBy(await directory.list(), ({ address }) => domainOf(address));
  const stranded: string[] = [];
  for (const domain of [...byDomain.keys()].slice(0, MAX_DOMAINS)) {
    // A table that is unavailable now will be reported when there is mail for the domain.
    const kind = await domains.classify(domain).catch(() => 'local');
    if (kind !== 'local' && kind !== 'virtual_mailbox') stranded.push(domain);
  }
  const addresses = stranded.flatMap((domain) => (byDomain.get(domain) ?? []).map(({ address }) => address));
  if (addresses.length === 0) return [];
  const [only = ''] = stranded;
  const several = stranded.length > 1;
  const domain = several ? 'DOMAIN' : only;
  return [
    `${addresses.length === 1 ? '1 account is' : `${addresses.length} accounts are`} of ${several ? 'domains that are' : 'a domain that is'} not served here, ` +
      `and ${addresses.length === 1 ? 'gets' : 'get'} no mail: ${few(addresses, NAMED)}; "posthorn domain add ${domain}" serves ${several ? 'one' : 'it'}, ` +
      `"posthorn domain rename ${domain} NEW" moves its accounts to another${several ? ` (DOMAIN: ${few(stranded, NAMED)})` : ''}`,
  ];
}
