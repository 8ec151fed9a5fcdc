/** cidr tables: `network result`, tried in order (cidr_table(5)). A key that is not an address finds nothing. */
import { inNetwork, parseAddress, parseNetwork } from './network.ts';
import { inlineText, parseRules, type ReadPattern, ruleSteps } from './rule-list.ts';
import type { TableType } from './table-type.ts';
import { watchFile } from './watched-file.ts';

type Address = NonNullable<ReturnType<typeof parseAddress>>;

export const cidrTable: TableType = {
  doc: 'networks, tried in order',
  open(name, argument, context) {
    const read = readNetwork;
    const inline = inlineText(argument);
    const fixed = inline === undefined ? undefined : parseRules(inline, name, read);
    const current =
      fixed === undefined
        ? watchFile({
            path: context.resolvePath(argument),
            parse: ruleSteps(read),
            log: context.log,
            clock: context.clock,
          })
        : () => fixed;
    return {
      name,
      wholeKeyOnly: true,
      get(key) {
        const address = parseAddress(key.replace(/^\[(.*)\]$/, '$1'));
        return address === null ? undefined : current().find(address);
      },
      entries: () => current().results.map((result) => ['', result]),
      fixed: fixed !== undefined,
    };
  },
};

const MATCHED: readonly string[] = [];

const readNetwork: ReadPattern<Address> = (text) => {
  const word = /^\S*/.exec(text)?.[0] ?? '';
  const network = parseNetwork(word);
  if (typeof network === 'string') return network;
  return {
    pattern: {
      applies: (key) => key.kind() === network.address.kind(),
      match: (key) => (inNetwork(key, network) ? MATCHED : null),
      groups: 0,
    },
    rest: text.slice(word.length),
  };
};
