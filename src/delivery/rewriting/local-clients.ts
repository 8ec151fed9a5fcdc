/** local_header_rewrite_clients: the clients whose headers are completed and rewritten as local mail is. */
import type { Connection } from '../../bus/hook.ts';
import type { Log } from '../../log.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Tables } from '../../lookup/table.ts';

export interface LocalClientsOptions {
  readonly parameters: ParameterReader;
  readonly tables: Tables;
  readonly log: Log;
  /** On which we receive mail (inet_interfaces). */
  readonly addresses: readonly string[];
  /** Whether the client's address is in mynetworks. */
  isTrusted(connection: Connection): boolean | Promise<boolean>;
}

/** A word before the name of a table. */
const MAP = 'check_address_map';
const EXPECTED = `expected permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated or ${MAP} type:table`;

type Test = (connection: Connection) => boolean | Promise<boolean>;

/** A promise only if a table is to be asked. Throws for a table that cannot be opened. */
export function localClients({ parameters, tables, addresses, isTrusted, log }: LocalClientsOptions): Test {
  const own = new Set(addresses);
  const named: Readonly<Record<string, Test>> = {
    permit_inet_interfaces: ({ remote }) => own.has(remote.ip),
    permit_mynetworks: isTrusted,
    permit_sasl_authenticated: ({ user }) => user !== null,
  };
  const tests = parameters.list('local_header_rewrite_clients').flatMap((item): Test[] => {
    if (Object.hasOwn(named, item.toLowerCase())) return [named[item.toLowerCase()] as Test];
    if (!item.includes(':')) {
      if (item.toLowerCase() !== MAP)
        log.warn({ item }, `local_header_rewrite_clients: ${item} is ignored: ${EXPECTED}`);
      return [];
    }
    const table = tables.open(item);
    return [async ({ remote }) => (await table.get(remote.ip)) !== undefined];
  });
  return (connection) => {
    for (const [i, test] of tests.entries()) {
      const answer = test(connection);
      if (answer instanceof Promise) return anyOf(answer, tests.slice(i + 1), connection);
      if (answer) return true;
    }
    return false;
  };
}

async function anyOf(first: Promise<boolean>, rest: readonly Test[], connection: Connection): Promise<boolean> {
  if (await first) return true;
  for (const test of rest) if (await test(connection)) return true;
  return false;
}
