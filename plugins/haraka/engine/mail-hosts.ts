/** Hosts as plugins give them at `get_mx`: a name, an object, or a list of them. */
import type { Host } from '../messages.ts';

interface Given {
  readonly exchange?: unknown;
  readonly host?: unknown;
  readonly port?: unknown;
  readonly priority?: unknown;
}

export function mailHosts(given: unknown): readonly Host[] {
  const all = (Array.isArray(given) ? given : [given]).map(
    (one: unknown): Given => (typeof one === 'string' ? { exchange: one } : Object(one)),
  );
  return all
    .toSorted((a, b) => Number(a.priority ?? 0) - Number(b.priority ?? 0))
    .flatMap(({ exchange, host = exchange, port }) => {
      if (typeof host !== 'string') return [];
      const number = Number(port);
      return [number > 0 && number < 65_536 ? { host, port: number } : { host }];
    });
}
