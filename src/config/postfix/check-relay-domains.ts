/**
 * Whether `relay_domains` matches every domain: mail for a relay domain is accepted from everyone and forwarded, so a
 * table that contains every domain makes an open relay, whatever the restriction lists are.
 */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import type { Fault } from '../fault.ts';
import { holdsAll } from './holds-all.ts';

/** Domains found only in a table that matches all domains. */
const STRANGERS = ['stranger.invalid', 'far.example', 'x7.elsewhere.test'];

/** What services set in master.cf does not count. `file` is main.cf. */
export function checkRelayDomains(
  main: ParameterReader,
  services: readonly Service[],
  file: string,
  tables: Pick<Tables, 'open'>,
): Fault[] {
  if (services.length === 0) return [];
  const domains = main.list('relay_domains');
  const all = domains.find((item) => !item.startsWith('!') && item.includes(':') && holdsAll(item, STRANGERS, tables));
  if (all === undefined) return [];
  const plain = services.find(({ parameters }) => parameters.list('relay_domains').join() === domains.join());
  return [
    {
      ...(plain?.setAt('relay_domains', all) ?? { file, line: 0 }),
      parameter: 'relay_domains',
      message: `"${all}" matches every domain: anyone may relay to a domain of relay_domains; list the domains that you relay for`,
    },
  ];
}
