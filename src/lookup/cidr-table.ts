/** cidr tables: `network result`, tried in order (cidr_table(5)). A key that is not an address finds nothing. */
import { inNetwork, parsePlainAddress, parsePlainNetwork } from './network.ts';
import type { ReadPattern } from './rule-list.ts';
import { openRules } from './rule-table.ts';
import type { TableType } from './table-type.ts';

type Address = NonNullable<ReturnType<typeof parsePlainAddress>>;

export const cidrTable: TableType = {
  doc: 'networks, tried in order',
  open: (name, argument, context) =>
    openRules(name, argument, context, { read: readNetwork, keyOf: parsePlainAddress }),
};

const MATCHED: readonly string[] = [];

const readNetwork: ReadPattern<Address> = (text) => {
  const word = /^\S*/.exec(text)?.[0] ?? '';
  // Both [192.0.2.0/24] and [192.0.2.0]/24.
  const network = parsePlainNetwork(word.replace(/^\[([^\]]*)\](.*)$/, '$1$2'));
  if (typeof network === 'string') return network;
  return {
    pattern: {
      applies: (key) => key.kind() === network.address.kind(),
      match: (key) => (inNetwork(key, network) ? MATCHED : null),
    },
    rest: text.slice(word.length),
  };
};
