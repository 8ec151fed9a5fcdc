/** What becomes of names without a dot (smtp_dns_resolver_options). */
import type { SearchOptions } from '../../protocol/dns/search.ts';
import type { ClientParameters } from './client-parameters.ts';

export function readSearch(client: ClientParameters): SearchOptions {
  const words = new Set(client.list('dns_resolver_options'));
  return { completes: words.has('res_defnames'), searches: words.has('res_dnsrch') };
}
