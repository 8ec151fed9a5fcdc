/**
 * Whether `relay_domains` names the whole world: mail for a relay domain is taken from everybody and passed on, so a
 * table that has every domain is an open relay, whatever the restriction lists say.
 */
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import { type Fault, uniqueFaults } from '../fault.ts';
import { holdsAll } from './holds-all.ts';

/** Domains that only a table of all domains holds. */
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
      message: `"${all}" is every domain: everybody may relay to a domain of relay_domains; name the domains that you pass mail on for`,
    });
  }
  return uniqueFaults(faults);
}
