/** Accounts and aliases without a store. */
import type { Account } from '../../src/mail/account.ts';
import type { Forwarding } from '../../src/mail/forwarding.ts';
import type { Directory } from '../../src/store/directory.ts';

export const accountOf = (address: string): Account => ({
  id: address,
  address,
  passwordHash: '',
  disabled: false,
  quota: 0,
  forwarding: null,
  createdAt: 0,
});

/** It can be queried, but not changed. Names without a domain belong to baidu.com. */
export function directoryOf(
  names: readonly string[],
  aliases: Readonly<Record<string, readonly string[]>> = {},
  forwarding: Readonly<Record<string, Forwarding>> = {},
): Directory {
  const accounts = new Map(
    names
      .map((name) => (name.includes('@') ? name : `${name}@baidu.com`))
      .map((name) => [name, { ...accountOf(name), forwarding: forwarding[name] ?? null }]),
  );
  const refuse = (): never => {
    throw new Error('not in this test');
  };
  return {
    find: async (address) => accounts.get(address.toLowerCase()) ?? null,
    get: async (id) => accounts.get(String(id)) ?? null,
    list: async () => [...accounts.values()],
    create: refuse,
    update: refuse,
    rename: refuse,
    remove: refuse,
    watch: refuse,
    aliases: async () => new Map(Object.entries(aliases)),
    setAlias: refuse,
    domains: async () => [],
    setDomain: refuse,
  };
}
