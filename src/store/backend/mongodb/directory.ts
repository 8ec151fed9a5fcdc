/**
 * Accounts, aliases and domains. All processes see a change within a second: what is kept in memory is no older. An
 * account is asked for again after that time, aliases and domains are read again when their version has changed.
 */
import { LRUCache } from 'lru-cache';
import type { Account, Id } from '../../../mail/account.ts';
import { type Address, addressKey } from '../../../mail/address.ts';
import { DEFAULT_MAILBOXES } from '../../../mail/mailbox.ts';
import type { Directory } from '../../directory.ts';
import { Listeners } from '../listeners.ts';
import type { Context } from './context.ts';
import { Batches } from './database/batches.ts';
import type { AccountDocument, IntentDocument } from './database/documents.ts';
import { isDuplicate } from './database/insert.ts';
import { slices } from './database/references.ts';
import { newId } from './log/mailbox-state.ts';
import type { Tree } from './mailboxes/tree.ts';

/** How old something in memory may be, ms. */
const FRESH = 1000;
const KNOWN = 50_000;
/** Even if the version did not change: a process may have died between a change and raising it. */
const REREAD = 60_000;

type AddressesIntent = Extract<IntentDocument, { kind: 'addresses' }>;

interface Tables {
  readonly version: number;
  readonly readAt: number;
  readonly aliases: ReadonlyMap<Address, readonly Address[]>;
  readonly domains: readonly string[];
}

export interface MongoDirectory extends Directory {
  /** Looks at the accounts that sessions watch, and tells what others changed. */
  refresh(): Promise<void>;
  /** Perhaps another process changed it: its sessions are told at once. */
  changed(account: string): Promise<void>;
  finishRename(intent: AddressesIntent): Promise<void>;
  /** Makes the accounts that a dead process, or this one, began to make. */
  finishAccounts(process: string): Promise<void>;
}

export function createDirectory(context: Context, tree: Tree): MongoDirectory {
  const { database, by, clock } = context;
  const listeners = new Listeners<Id, Account | null>();
  /** What watchers were told last. */
  const told = new Map<string, Account | null>();
  const byAddress = new LRUCache<string, { readonly account: Account | null }>({ max: KNOWN, ttl: FRESH });
  const finds = new Batches<string, Account | null>(
    async (addresses) => {
      const found = await database.accounts
        .find({ address: { $in: [...addresses] }, making: { $exists: false } })
        .toArray();
      const known = new Map(found.map((document) => [document.address, toAccount(document)]));
      return addresses.map((address) => known.get(address) ?? null);
    },
    { most: 500, atOnce: 2 },
  );
  let tables: Tables | null = null;
  let checkedAt = Number.NEGATIVE_INFINITY;

  const tell = (id: string, now: Account | null): void => {
    if (listeners.of(id) === undefined) return;
    told.set(id, now);
    for (const listener of [...(listeners.of(id) ?? [])]) listener(now);
  };
  const remember = (account: Account): Account => {
    byAddress.set(account.address, { account });
    return account;
  };
  const forget = (account: Account): void => {
    byAddress.delete(account.address);
    tree.forgetQuota(String(account.id));
  };
  const get = async (account: Id): Promise<Account | null> => {
    const found = await database.accounts.findOne({ _id: String(account) });
    return found === null ? null : toAccount(found);
  };

  const raise = (): Promise<unknown> =>
    database.meta.updateOne({ _id: 'directory' }, { $inc: { version: 1 } }, { upsert: true });
  const readTables = async (): Promise<Tables> => {
    const now = performance.now();
    if (tables !== null && now - checkedAt < FRESH) return tables;
    const version = (await database.meta.findOne({ _id: 'directory' }))?.version ?? 0;
    if (tables === null || tables.version !== version || now - tables.readAt > REREAD) {
      const [aliases, domains] = await Promise.all([
        database.aliases.find({}, { sort: { _id: 1 }, batchSize: 10_000 }).toArray(),
        database.domains.find({}, { sort: { _id: 1 }, batchSize: 10_000 }).toArray(),
      ]);
      tables = {
        version,
        readAt: now,
        aliases: new Map(aliases.map(({ _id, targets }) => [_id, targets])),
        domains: domains.map(({ _id }) => _id),
      };
    }
    checkedAt = now;
    return tables;
  };
  const changeTables = async (change: () => Promise<unknown>): Promise<void> => {
    await change();
    await raise();
    checkedAt = Number.NEGATIVE_INFINITY;
  };

  /** Forward only, so that it does no harm if two processes do it; back where an address is taken. */
  const carryOut = async ({ _id, renames }: AddressesIntent): Promise<void> => {
    try {
      for (const { account, from, to } of renames)
        await database.accounts.updateOne({ _id: account, address: from }, { $set: { address: to } });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      for (const { account, from, to } of renames)
        await database.accounts.updateOne({ _id: account, address: to }, { $set: { address: from } });
      await database.intents.deleteOne({ _id });
      throw new Error('an account of that address exists already', { cause: error });
    }
    await database.intents.deleteOne({ _id });
  };
  const make = async ({ _id, making }: Pick<AccountDocument, '_id' | 'making'>): Promise<void> => {
    if (making === undefined) return;
    await tree.makeDefault(_id, DEFAULT_MAILBOXES, making.first);
    await database.accounts.updateOne({ _id }, { $unset: { making: '' } });
  };

  /** Tells what is not as it was told. */
  const compare = async (watched: readonly string[]): Promise<void> => {
    for (const ids of slices(watched, 1000)) {
      const found = await database.accounts.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 }).toArray();
      const now = new Map(found.map((document) => [document._id, toAccount(document)]));
      for (const id of ids) {
        const account = now.get(id) ?? null;
        const before = told.get(id);
        if (before === undefined || !isSame(before, account)) tell(id, account);
      }
    }
  };

  return {
    async find(address) {
      const key = addressKey(address);
      const known = byAddress.get(key);
      if (known !== undefined) return known.account;
      const account = await finds.add(key);
      byAddress.set(key, { account });
      return account;
    },
    get,
    async list() {
      const found = await database.accounts
        .find({ making: { $exists: false } }, { sort: { address: 1 }, batchSize: 10_000 })
        .toArray();
      return found.map(toAccount);
    },
    async create({ address, passwordHash, quota = 0 }) {
      const key = addressKey(address);
      const [taken, raised] = await Promise.all([
        database.accounts.findOne({ address: key }, { projection: { _id: 1 } }),
        database.meta.findOne({ _id: 'uidvalidity' }),
      ]);
      if (taken !== null) throw new Error(`the account ${key} exists already`);
      const id = newId();
      const now = clock();
      const first = Math.max(Math.floor(now / 1000), 1, (raised?.version ?? 0) + 1);
      const document: AccountDocument = {
        _id: id,
        address: key,
        passwordHash,
        disabled: false,
        quota,
        forwarding: null,
        createdAt: now,
        uidValidity: first + DEFAULT_MAILBOXES.length - 1,
        subscriptions: DEFAULT_MAILBOXES.map(({ name }) => name),
        making: { by, first },
      };
      context.running.add(id);
      try {
        await database.accounts.insertOne(document);
        await make(document);
      } catch (error) {
        if (!isDuplicate(error)) throw error;
        throw new Error(`the account ${key} exists already`, { cause: error });
      } finally {
        context.running.delete(id);
      }
      return remember(toAccount(document));
    },
    async update(account, change) {
      const after = await database.accounts.findOneAndUpdate(
        { _id: String(account) },
        { $set: { ...change } },
        { returnDocument: 'after' },
      );
      if (after === null) throw new Error('the account no longer exists');
      const now = toAccount(after);
      forget(now);
      remember(now);
      tell(after._id, now);
    },
    async rename(given) {
      const accounts = await Promise.all(given.map(({ account }) => get(account)));
      const renames = given.map(({ account, address }, i) => {
        const before = accounts[i];
        if (before == null) throw new Error(`account ${account} does not exist`);
        return { account: String(account), from: before.address, to: addressKey(address) };
      });
      const addresses = renames.map(({ to }) => to);
      if (new Set(addresses).size < renames.length) throw new Error('two accounts cannot have the same address');
      const taken = await database.accounts.findOne({ address: { $in: addresses } });
      if (taken !== null) throw new Error(`the account ${taken.address} exists already`);
      const intent: AddressesIntent = { _id: newId(), by, kind: 'addresses', renames };
      context.running.add(intent._id);
      try {
        await database.intents.insertOne(intent);
        await carryOut(intent);
      } finally {
        context.running.delete(intent._id);
      }
      for (const [i, { to }] of renames.entries()) {
        const before = accounts[i];
        if (before == null) continue;
        forget(before);
        remember({ ...before, address: to });
      }
    },
    async remove(account) {
      const id = String(account);
      const intent = newId();
      context.running.add(intent);
      try {
        await database.intents.insertOne({ _id: intent, by, kind: 'account', account: id });
        const before = await database.accounts.findOneAndDelete({ _id: id });
        if (before !== null) forget(toAccount(before));
        await tree.removeAll(id);
        await database.intents.deleteOne({ _id: intent });
      } finally {
        context.running.delete(intent);
      }
      tell(id, null);
    },
    watch(account, listener) {
      const remove = listeners.add(account, listener);
      // The account that it knows may be as old as FRESH: it hears of it once in any case.
      told.delete(String(account));
      return () => {
        remove();
        if (listeners.of(account) === undefined) told.delete(String(account));
      };
    },

    aliases: async () => (await readTables()).aliases,
    setAlias: (address, targets) =>
      changeTables(() =>
        targets.length === 0
          ? database.aliases.deleteOne({ _id: addressKey(address) })
          : database.aliases.updateOne(
              { _id: addressKey(address) },
              { $set: { targets: [...targets] } },
              { upsert: true },
            ),
      ),
    domains: async () => (await readTables()).domains,
    setDomain: (given, served) =>
      changeTables(() =>
        served
          ? database.domains.updateOne({ _id: given.toLowerCase() }, { $setOnInsert: {} }, { upsert: true })
          : database.domains.deleteOne({ _id: given.toLowerCase() }),
      ),

    refresh: () => compare([...listeners.keys()].map(String)),
    async changed(account) {
      tree.forgetQuota(account);
      byAddress.clear();
      if (listeners.of(account) !== undefined) await compare([account]);
    },
    finishRename: carryOut,
    async finishAccounts(process) {
      const found = await database.accounts.find({ 'making.by': process }, { projection: { making: 1 } }).toArray();
      for (const document of found) if (!context.running.has(document._id)) await make(document);
    },
  };
}

const toAccount = ({
  _id,
  address,
  passwordHash,
  disabled,
  quota,
  forwarding = null,
  createdAt,
}: AccountDocument): Account => ({
  id: _id,
  address,
  passwordHash,
  disabled,
  quota,
  forwarding,
  createdAt,
});

const isSame = (a: Account | null, b: Account | null): boolean => JSON.stringify(a) === JSON.stringify(b);
