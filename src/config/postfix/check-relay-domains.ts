/**
 * Whether `relay_domains` names the whole world: mail for a relay domain is taken from everybody and passed on, so a
 * table that has every domain is an open relay, whatever the restriction lists say.
 */
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import type { Fault } from '../fault.ts';

/** Domains that only a table of all domains holds. */
const STRANGERS = ['stranger.invalid', 'far.example', 'x7.elsewhere.test'];

/** `file` is main.cf. */
export function checkRelayDomains(services: readonly Service[], file: string, tables: Pick<Tables, 'open'>): Fault[] {
  const faults = new Map<string, Fault>();
  for (const { parameters, setAt } of services) {
    const all = parameters.list('relay_domains').find((item) => !item.startsWith('!') && item.includes(':') && hasAll(item, tables));
    if (all === undefined) continue;
    const fault = {
      ...(setAt('relay_domains', all) ?? { file, line: 0 }),
      parameter: 'relay_domains',
      message: `"${all}" is every domain: everybody may relay to a domain of relay_domains; name the domains that you pass mail on for`,
    };
    faults.set(JSON.stringify(fault), fault);
  }
  return [...faults.values()];
}

function hasAll(item: string, tables: Pick<Tables, 'open'>): boolean {
  try {
    const table = tables.open(item);
    // Tables elsewhere are not asked at a start.
    return table.entries !== undefined && STRANGERS.every((domain) => table.get(domain) !== undefined);
  } catch {
    // What is wrong with the table is among the faults.
    return false;
  }
}
