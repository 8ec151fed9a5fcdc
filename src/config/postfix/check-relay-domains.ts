/**
 * Whether `relay_domains` matches every domain: mail for a relay domain is accepted from everyone and forwarded, so a
 * table that contains every domain makes an open relay, whatever the restriction lists are.
 */
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import { type Fault, uniqueFaults } from '../fault.ts';
import { holdsAll } from './holds-all.ts';

/** Domains found only in a table that matches all domains. */
const STRANGERS = ['stranger.invalid', 'far.example', 'x7.elsewhere.test'];

/** `file` is main.cf. */
export function checkRelayDomains(services: readonly Service[], file: string, tables: Pick<Tables, 'open'>): Fault[] {
  const faults: Fault[] = [];
  for (const { parameters, setAt } of services) {
    const all = parameters
      .list('relay_domains')
      .find((item) => !item.startsWith('!') && item.includes(':') && holdsAll(item, STRANGERS, tables));
    if (all === undefined) continue;
    faults.push({
      ...(setAt('relay_domains', all) ?? { file, line: 0 }),
      parameter: 'relay_domains',
      message: `"${all}" matches every domain: anyone may relay to a domain of relay_domains; list the domains that you relay for`,
    });
  }
  return uniqueFaults(faults);
}
