/** The plan of `posthorn store plan` against the commands that operations really send. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import { reply } from '../../src/mail/status.ts';
import { INDEXES } from '../../src/store/backend/mongodb/database/indexes.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { COLLECTIONS, OPERATIONS, type Query, type Reach } from '../../src/store/backend/mongodb/plan.ts';
import { readSizes } from '../../src/store/backend/mongodb/sizes.ts';
import { SearchPreparation } from '../../src/store/search-preparation.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { runCommand } from '../kit/server.ts';
import { collect, mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { openDatabase, type TestDatabase } from './database.ts';
import { filtersOf, reachOf } from './reach.ts';

const LATER = reply(451, '4.0.0', 'later');

interface Sent {
  readonly name: string;
  readonly collection: string;
  readonly reach: Reach;
  readonly filters: readonly Document[];
}

/** What the store sends by itself, beside the operations. */
const BY_ITSELF = new Set(['tidying', 'housekeeping', 'heartbeat', 'look']);
const queriesOf = (operation: string): readonly Query[] => {
  const found = OPERATIONS.find((one) => one.operation === operation);
  if (found === undefined) throw new Error(`${operation} is not in the plan`);
  return found.queries;
};
const nameOf = ({ command, collection, reach }: Query): string => `${command} ${collection} ${reach}`;

describe('the plan of the MongoDB store', () => {
  let database: TestDatabase;
  let store: Store;
  let accounts: Account[];
  let inbox: Id;
  let archive: Id;
  let sent: Sent[] = [];
  let serial = 0;

  const open = (): Promise<Store> =>
    openMongoStore({
      uri: database.uri,
      log: quietLog,
      observe: (client) =>
        client.on('commandStarted', ({ commandName: name, command }) => {
          const filters = filtersOf(name, command);
          if (filters.length === 0 || JSON.stringify(command['pipeline'] ?? []).includes('$changeStream')) return;
          const collection = String(command[name]);
          sent.push({ name, collection, filters, reach: reachOf(collection, filters) });
        }),
    });
  const account = (i: number): Id => accounts[i]?.id ?? 0;
  const deliver = async (octets = 100, queued: readonly string[] = [], to: readonly Id[] = [account(0)]) => {
    serial += 1;
    return store.accept(
      sampleAcceptance(`P${serial}`, {
        bytes: Buffer.alloc(octets, 'x'),
        deliveries: to.map((id) => toInbox(id)),
        queued: queued.map((one) => queuedFor(one)),
      }),
    );
  };
  const relay = (): Promise<unknown> => deliver(100, ['a@qq.com', 'b@qq.com'], []);
  const reopen = async (): Promise<void> => {
    await store.close();
    store = await open();
  };
  const claim = () => store.queue.claim({ now: Date.now() * 2, limit: 10, leaseMs: 60_000, exclude: [] });
  const uids = async (mailbox: Id): Promise<readonly number[]> => (await collect(store, mailbox)).map(({ uid }) => uid);
  const last = async (mailbox: Id): Promise<readonly [number, number]> => {
    const uid = (await uids(mailbox)).at(-1) ?? 0;
    return [uid - 1, uid];
  };

  /** Each operation of the plan: what is done before it, and itself. */
  const ACTS: Readonly<Record<string, { before?(): Promise<unknown>; act(): Promise<unknown> }>> = {
    RCPT: {
      before: reopen,
      act: () => Promise.all([store.directory.find('u0@example.org'), store.directory.aliases()]),
    },
    delivery: { before: reopen, act: () => deliver() },
    'long delivery': { act: () => deliver(600_000) },
    relay: { act: relay },
    claim: { before: relay, act: claim },
    'next due': { act: () => store.queue.nextDue() },
    delivered: {
      before: relay,
      act: async () => store.queue.settle((await claimed()).map((item) => ({ item, outcome: 'done' }))),
    },
    deferred: {
      before: relay,
      act: async () =>
        store.queue.settle(
          (await claimed()).map((item) => ({ item, outcome: 'deferred', dueAt: Date.now() * 3, reply: LATER })),
        ),
    },
    LIST: { act: () => store.mailboxes.list(account(0)) },
    SELECT: { before: reopen, act: () => store.mailboxes.open(inbox, { claimRecent: true }) },
    'SELECT again': {
      before: async () => {
        await store.mailboxes.open(inbox, { claimRecent: false });
        await deliver();
      },
      act: () => store.mailboxes.open(inbox, { claimRecent: false }),
    },
    'FETCH list': { act: () => collect(store, inbox, { envelope: true }) },
    'FETCH body': { act: () => collect(store, inbox, { root: true, octets: true }, [[1, 1]]) },
    'FETCH long body': {
      before: () => deliver(600_000),
      act: async () => {
        const [, uid] = await last(inbox);
        sent = [];
        const [row] = await collect(store, inbox, { root: true, octets: true }, [[uid, uid]]);
        await store.content.read(row?.content ?? 0);
      },
    },
    STORE: { act: () => store.mailboxes.store(inbox, [[1, 2]], { op: 'add', flags: ['\\Seen'] }) },
    COPY: { before: reopen, act: () => store.mailboxes.copy(inbox, [[1, 2]], archive) },
    MOVE: { act: () => store.mailboxes.move(inbox, [[3, 4]], archive) },
    EXPUNGE: {
      before: async () => {
        await deliver();
        await deliver();
      },
      act: async () => {
        const range = await last(inbox);
        sent = [];
        await store.mailboxes.expunge(inbox, [range], { force: true });
      },
    },
    SEARCH: {
      act: async () =>
        store.mailboxes.searchContents(
          (await rows()).map(({ content }) => content),
          { where: 'body', text: 'word' },
        ),
    },
    IDLE: {
      act: async () => {
        const heard = Promise.withResolvers<void>();
        const end = store.mailboxes.watch(account(0), () => heard.resolve());
        const other = await openMongoStore({ uri: database.uri, log: quietLog });
        try {
          await store.mailboxes.open(inbox, { claimRecent: false });
          sent = [];
          await other.accept(sampleAcceptance('IDLE', { deliveries: [toInbox(account(0))] }));
          await heard.promise;
        } finally {
          end();
          await other.close();
        }
      },
    },
    preparation: { act: () => new SearchPreparation(store, () => {}).next(2) },
  };
  const claimed = async (): Promise<readonly Id[]> => {
    const items = (await claim()).map(({ id }) => id);
    sent = [];
    return items;
  };
  const rows = async () => {
    const found = await collect(store, inbox);
    sent = [];
    return found;
  };

  beforeAll(async () => {
    database = await openDatabase();
    store = await open();
    accounts = await Promise.all(
      [0, 1].map((i) => store.directory.create({ address: `u${i}@example.org`, passwordHash: '' })),
    );
    inbox = await mailboxId(store, account(0), 'INBOX');
    archive = await mailboxId(store, account(0), 'Archive');
    for (let i = 0; i < 6; i += 1) await deliver();
  });
  afterAll(async () => {
    await store.close();
    await database.close();
  });

  it('has an act for each operation', () =>
    expect([...Object.keys(ACTS), ...BY_ITSELF].sort()).toEqual(OPERATIONS.map(({ operation }) => operation).sort()));

  it('names indexes that exist, and each of them is used', () => {
    const used = OPERATIONS.flatMap(({ queries }) => queries.map(({ collection, index }) => `${collection}.${index}`));
    const made = INDEXES.map(({ collection, index }) => `${collection}.${index.name}`);
    const named = new Set(used.filter((name) => !/\.(_id_|scan)$/.test(name)));
    expect(made).toEqual(expect.arrayContaining([...named]));
  });

  it('has a row for each collection', async () => {
    const there = (await database.db.listCollections().toArray()).map(({ name }) => name);
    expect(COLLECTIONS.map(({ collection }) => collection)).toEqual(expect.arrayContaining(there));
  });

  it.each(Object.keys(ACTS))('%s asks the shards that the plan says', async (operation) => {
    const { before, act } = ACTS[operation] ?? { act: () => Promise.reject(new Error('no act')) };
    await before?.();
    // Acceptances are closed after their answers.
    await delay(200);
    sent = [];
    await act();
    await delay(200);
    const beside = OPERATIONS.filter((one) => BY_ITSELF.has(one.operation)).flatMap(({ queries }) => queries);
    compare(queriesOf(operation), beside);
  });

  it('what each process does by itself asks the shards that the plan says', { timeout: 60_000 }, async () => {
    const ends = accounts.flatMap(({ id }) => [
      store.mailboxes.watch(id, () => {}),
      store.directory.watch(id, () => {}),
    ]);
    for (const { id } of accounts)
      await store.mailboxes.open(await mailboxId(store, id, 'INBOX'), { claimRecent: false });
    await deliver(100, [], [account(0), account(1)]);
    sent = [];
    await vi.waitFor(
      () => {
        const queries = OPERATIONS.filter((one) => BY_ITSELF.has(one.operation)).flatMap(({ queries }) => queries);
        compare(queries, [...queriesOf('delivery'), ...queriesOf('IDLE')]);
      },
      { timeout: 50_000, interval: 500 },
    );
    for (const stop of ends) stop();
  });

  /** What was sent is in the plan, and what the plan says is always sent was. */
  function compare(planned: readonly Query[], beside: readonly Query[]): void {
    const allowed = [...planned, ...beside];
    const names = sent.map(({ name, collection, reach }) => `${name} ${collection} ${reach}`);
    // What may be about many may be about one.
    const isAllowed = (name: string): boolean =>
      allowed.some((query) => nameOf(query) === name || nameOf({ ...query, reach: 'one' }) === name);
    expect(names.filter((name) => !isAllowed(name))).toEqual([]);
    const isSent = (query: Query): boolean =>
      names.includes(nameOf(query)) || (query.reach === 'named' && names.includes(nameOf({ ...query, reach: 'one' })));
    const always = planned.filter(({ when }) => when === undefined);
    expect(always.filter((query) => !isSent(query)).map(nameOf)).toEqual([]);
    for (const query of always) expect(usesIndex(query), `${nameOf(query)} by ${query.index}`).toBe(true);
  }

  /** Its filter says something of the first field of the index. */
  function usesIndex({ command, collection, reach, index }: Query): boolean {
    if (index === 'scan' || command === 'insert') return true;
    const key = INDEXES.find((one) => one.collection === collection && one.index.name === index)?.index.key ?? {
      _id: 1,
    };
    const [field = ''] = Object.keys(key);
    const found = sent.filter((one) => one.name === command && one.collection === collection && one.reach === reach);
    return (
      found.length === 0 || found.some(({ filters }) => filters.every((filter) => field in filter || '$or' in filter))
    );
  }
});

describe('the sizes of a database', () => {
  it('are counted, and what the server cannot say is null', async () => {
    const database = await openDatabase();
    const store = await openMongoStore({ uri: database.uri, log: quietLog });
    const { id } = await store.directory.create({ address: 'a@example.org', passwordHash: '' });
    await store.accept(sampleAcceptance('S1', { deliveries: [toInbox(id)] }));
    await store.close();
    const { collections } = await readSizes(database.uri);
    const printed = await runCommand(['store', 'plan', database.uri]);
    const sizes = new Map(collections.map((one) => [one.collection, one]));
    expect(printed).toContain(`sh.enableSharding("${database.name}")`);
    expect(printed).toMatch(/^accounts +1 +/m);
    expect(sizes.get('accounts')?.documents).toBe(1);
    expect(sizes.get('contents')?.documents).toBe(1);
    expect(sizes.get('chunks')?.documents).toBe(0);
    expect(sizes.get('contents')?.shards).toBeNull();
    for (const { octets, average, stored } of collections)
      for (const value of [octets, average, stored]) if (value !== null) expect(value).toBeGreaterThanOrEqual(0);
    await database.close();
  });
});
