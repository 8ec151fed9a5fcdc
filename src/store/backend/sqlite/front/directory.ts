/**
 * Accounts, aliases and domains, served from memory: RCPT TO never waits for the disk. Loaded at start and updated
 * after every durable write; this process is the only writer, so memory and file always agree.
 */
import type { Account, Id } from '../../../../mail/account.ts';
import { type Address, addressKey } from '../../../../mail/address.ts';
import type { Directory } from '../../../directory.ts';
import type { Transfer } from '../../../transfer.ts';
import { Listeners } from '../../listeners.ts';
import type { WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

export async function openDirectory(
  writer: Link<WriterCalls>,
  clock: () => number,
): Promise<Directory & Pick<Transfer, 'putAccount'>> {
  const loaded = await writer.call('loadDirectory', null);
  const byAddress = new Map<string, Account>();
  const byId = new Map<Id, Account>();
  const watchers = new Listeners<Id, Account | null>();
  const tell = (account: Id, now: Account | null): void => {
    for (const listener of [...(watchers.of(account) ?? [])]) listener(now);
  };
  const remember = (account: Account): Account => {
    byAddress.set(account.address, account);
    byId.set(account.id, account);
    return account;
  };
  for (const account of loaded.accounts) remember(account);
  // Replaced, never mutated: callers may keep the map they received.
  let aliases: ReadonlyMap<Address, readonly Address[]> = new Map(loaded.aliases);
  let domains: readonly string[] = loaded.domains;

  return {
    find: async (address) => byAddress.get(addressKey(address)) ?? null,
    get: async (account) => byId.get(account) ?? null,
    list: async () => [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1)),
    async create({ address, passwordHash, quota = 0 }) {
      return remember(
        await writer.call('createAccount', { address: addressKey(address), passwordHash, quota, now: clock() }),
      );
    },
    async update(account, change) {
      tell(account, remember(await writer.call('updateAccount', { account: Number(account), ...change })));
    },
    async rename(renames) {
      const renamed = await writer.call('renameAccounts', {
        renames: renames.map(({ account, address }) => ({ account: Number(account), address: addressKey(address) })),
      });
      for (const account of renamed) {
        const before = byId.get(account.id);
        if (before !== undefined) byAddress.delete(before.address);
        remember(account);
      }
    },
    async remove(account) {
      await writer.call('removeAccount', { account: Number(account) });
      const known = byId.get(account);
      byId.delete(account);
      if (known !== undefined) byAddress.delete(known.address);
      tell(account, null);
    },
    async putAccount(given) {
      const account = remember(await writer.call('putAccount', { ...given, address: addressKey(given.address) }));
      tell(account.id, account);
      return account;
    },
    watch: (account, listener) => watchers.add(account, listener),

    aliases: async () => aliases,
    async setAlias(address, targets) {
      const key = addressKey(address);
      await writer.call('setAlias', { address: key, targets });
      const next = new Map(aliases);
      if (targets.length === 0) next.delete(key);
      else next.set(key, [...targets]);
      aliases = next;
    },

    domains: async () => domains,
    async setDomain(given, served) {
      const domain = given.toLowerCase();
      await writer.call('setDomain', { domain, served });
      const others = domains.filter((name) => name !== domain);
      domains = served ? [...others, domain].sort() : others;
    },
  };
}
