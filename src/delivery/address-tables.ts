/**
 * Asking tables about an address in the order that Postfix's address tables have (virtual(5),
 * aliases(5)): the whole address, the user alone where the domain is ours, then `@domain`; each
 * without the address extension too (recipient_delimiter).
 */

import type { LookupTable, Tables } from '../lookup/table.ts';
import { addressKey, domainOf, localPart, splitDetail } from '../mail/address.ts';

/** Tables of the operating system's users: the directory stands in their place. */
const SYSTEM_USERS = /^(?:proxy:)?unix:/;

export function openTables(names: readonly string[], tables: Tables): readonly LookupTable[] {
  return names.filter((name) => !SYSTEM_USERS.test(name)).map((name) => tables.open(name));
}

/** The keys under which an address is looked for, most specific first. `bareUser`: the domain is local. */
export function addressKeys(address: string, delimiters: string, bareUser: boolean): readonly string[] {
  const user = addressKey(localPart(address));
  const domain = domainOf(address);
  const detail = delimiters === '' ? null : splitDetail(user, delimiters);
  const keys = [`${user}@${domain}`];
  if (detail !== null) keys.push(`${detail.user}@${domain}`);
  if (bareUser) {
    keys.push(user);
    if (detail !== null) keys.push(detail.user);
  }
  keys.push(`@${domain}`);
  return keys;
}

/** The first value found; undefined where no table has any of the keys. */
export async function lookUp(tables: readonly LookupTable[], keys: readonly string[]): Promise<string | undefined> {
  for (const key of keys) {
    for (const table of tables) {
      if (table.wholeKeyOnly && key !== keys[0]) continue;
      const value = await table.get(key);
      if (value !== undefined) return value;
    }
  }
  return undefined;
}
