/**
 * Whoever loses the connection does not know whether its command was done. Here that happens at each command of each
 * operation in turn, before and after the server has it, once and for longer: what was confirmed is there once, what was
 * not is there once or not at all, and nothing is left over.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { describe, expect, test, vi } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import { reply } from '../../src/mail/status.ts';
import { createQueue, type MongoQueue, type Processes } from '../../src/store/backend/mongodb/acceptance/queue.ts';
import type { Context } from '../../src/store/backend/mongodb/context.ts';
import { collectionsOf } from '../../src/store/backend/mongodb/database/database.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import type { QueueItem } from '../../src/store/queue.ts';
import type { Store } from '../../src/store/store.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { type MongoCommand, type MongoProxy, openMongoProxy } from '../kit/mongo-proxy.ts';
import { uriWithDatabase } from '../kit/mongodb.ts';
import { collect, listQueue, mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { audit } from './audit.ts';
import { openDatabase, type TestDatabase } from './database.ts';

/** What an operation works on: an account of its own with four messages in INBOX, one of them deleted. */
interface Case {
  readonly store: Store;
  readonly account: Account;
  readonly inbox: Id;
  /** Unique. */
  readonly id: string;
}

interface Operation {
  /** Without faults. */
  prepare?(on: Case): Promise<unknown>;
  /** `prepared`: what that returned. */
  act(on: Case, prepared: unknown): Promise<unknown>;
  /** What it does, as it can be seen afterwards: `before` or `after` it, or something that must not be. */
  seen(on: Case): Promise<unknown>;
  readonly before: unknown;
  readonly after: unknown;
  /** States that are right too where it was not confirmed. */
  readonly between?: readonly unknown[];
}

async function texts({ store }: Case, mailbox: Id | null): Promise<string[] | null> {
  if (mailbox === null) return null;
  const rows = await collect(store, mailbox, {});
  return rows.map(({ content, flags }) => [String(content).split('-').at(-1), ...flags].join(' '));
}

const inboxOf = (on: Case): Promise<unknown> => texts(on, on.inbox);
const FOUR = ['1', '2', '3', '4 \\Deleted'];
const mailbox = async ({ store, account }: Case, name: string): Promise<Id | null> =>
  (await store.mailboxes.find(account.id, name))?.id ?? null;
/** INBOX and Archive. */
const both = async (on: Case): Promise<unknown> => [await inboxOf(on), await texts(on, await mailbox(on, 'Archive'))];
/** Those that a case makes. */
const names = async ({ store, account }: Case): Promise<string[]> =>
  (await store.mailboxes.list(account.id)).map(({ name }) => name).filter((name) => /^[X-Z]/.test(name));
const queueOf = async ({ store, id }: Case): Promise<string[]> =>
  (await listQueue(store, { queueIds: [`${id}-5`] })).map(({ recipient, attempts }) => `${recipient} ${attempts}`);
const isReadable = ({ store, id }: Case): Promise<boolean> =>
  store.content.read(`${id}-5`).then(
    () => true,
    () => false,
  );
const queue = ({ store, id }: Case): Promise<unknown> =>
  store.accept(sampleAcceptance(`${id}-5`, { queued: [queuedFor('a@qq.com'), queuedFor('b@qq.com')] }));
const claim = async ({ store }: Case): Promise<readonly QueueItem[]> =>
  store.queue.claim({ now: 1_795_000_001_000, limit: 10, leaseMs: 60_000, exclude: [] });

const LONG = Buffer.alloc(600_000, 'Subject: long\r\n\r\n');

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'a delivery': {
    act: ({ store, account, id }) => store.accept(sampleAcceptance(`${id}-5`, { deliveries: [toInbox(account.id)] })),
    seen: inboxOf,
    before: FOUR,
    after: [...FOUR, '5'],
  },
  'a delivery to a new mailbox, and to others': {
    act: ({ store, account, id }) =>
      store.accept(
        sampleAcceptance(`${id}-5`, {
          deliveries: [toInbox(account.id), { ...toInbox(account.id), mailbox: { name: 'X/Y' } }],
          queued: [queuedFor('a@qq.com'), queuedFor('b@qq.com')],
        }),
      ),
    seen: async (on) => [await inboxOf(on), (await texts(on, await mailbox(on, 'X/Y'))) ?? [], await queueOf(on)],
    before: [FOUR, [], []],
    after: [[...FOUR, '5'], ['5'], ['a@qq.com 0', 'b@qq.com 0']],
  },
  'the delivery of a long message': {
    async act({ store, account, id }) {
      const spool = store.content.spool();
      try {
        for (let at = 0; at < LONG.length; at += 100_000) await spool.write(LONG.subarray(at, at + 100_000));
        const content = await spool.finish();
        await store.accept({ ...sampleAcceptance(`${id}-5`, { deliveries: [toInbox(account.id)] }), content });
      } catch (error) {
        await spool.discard();
        throw error;
      }
    },
    seen: async (on) => [await inboxOf(on), await isReadable(on)],
    before: [FOUR, false],
    after: [[...FOUR, '5'], true],
  },
  'a late delivery': {
    prepare: queue,
    act: ({ store, account, id }) => store.deliver(`${id}-5`, `${id}-5`, [toInbox(account.id)]),
    async seen(on) {
      // The runner tries again what it does not know.
      await on.store.deliver(`${on.id}-5`, `${on.id}-5`, [toInbox(on.account.id)]);
      return inboxOf(on);
    },
    before: null,
    after: [...FOUR, '5'],
  },
  'a claim': {
    prepare: queue,
    act: claim,
    seen: queueOf,
    before: ['a@qq.com 0', 'b@qq.com 0'],
    after: ['a@qq.com 0', 'b@qq.com 0'],
  },
  'a settlement': {
    async prepare(on) {
      await queue(on);
      return claim(on);
    },
    act: ({ store }, claimed) =>
      store.queue.settle(
        (claimed as readonly QueueItem[]).map(({ id: item, recipient }) =>
          recipient.startsWith('a')
            ? { item, outcome: 'done' }
            : { item, outcome: 'deferred', dueAt: 1_795_000_009_000, reply: reply(450, '4.2.0', 'later') },
        ),
      ),
    seen: queueOf,
    before: ['a@qq.com 0', 'b@qq.com 0'],
    after: ['b@qq.com 1'],
    between: [['b@qq.com 0'], ['a@qq.com 0', 'b@qq.com 1']],
  },
  'the end of a message in the queue': {
    async prepare(on) {
      await queue(on);
      return claim(on);
    },
    act: ({ store }, claimed) =>
      store.queue.settle((claimed as readonly QueueItem[]).map(({ id: item }) => ({ item, outcome: 'done' }))),
    seen: async (on) => [await queueOf(on), await isReadable(on)],
    before: [['a@qq.com 0', 'b@qq.com 0'], true],
    after: [[], false],
    between: [
      [['a@qq.com 0'], true],
      [['b@qq.com 0'], true],
    ],
  },
  STORE: {
    act: ({ store, inbox }) => store.mailboxes.store(inbox, [[2, 3]], { op: 'add', flags: ['\\Seen', 'word'] }),
    seen: inboxOf,
    before: FOUR,
    after: ['1', '2 \\Seen word', '3 \\Seen word', '4 \\Deleted'],
  },
  EXPUNGE: {
    act: ({ store, inbox }) => store.mailboxes.expunge(inbox),
    seen: inboxOf,
    before: FOUR,
    after: ['1', '2', '3'],
  },
  COPY: {
    act: async (on) => on.store.mailboxes.copy(on.inbox, [[1, 3]], (await mailbox(on, 'Archive')) ?? ''),
    seen: both,
    before: [FOUR, []],
    after: [FOUR, ['1', '2', '3']],
  },
  'COPY of many': {
    async prepare({ store, inbox }) {
      for (let i = 0; i < 5; i += 1) await store.mailboxes.copy(inbox, [[1, 1000]], inbox);
    },
    act: async (on) => on.store.mailboxes.copy(on.inbox, [[1, 1000]], (await mailbox(on, 'Archive')) ?? ''),
    seen: async (on) => ((await texts(on, await mailbox(on, 'Archive'))) ?? []).length,
    before: 0,
    after: 128,
  },
  MOVE: {
    act: async (on) => on.store.mailboxes.move(on.inbox, [[1, 3]], (await mailbox(on, 'Archive')) ?? ''),
    seen: both,
    before: [FOUR, []],
    after: [['4 \\Deleted'], ['1', '2', '3']],
    between: [[FOUR, ['1', '2', '3']]],
  },
  CREATE: {
    act: ({ store, account }) => store.mailboxes.create(account.id, 'X/Y/Z'),
    seen: names,
    before: [],
    after: ['X', 'X/Y', 'X/Y/Z'],
    between: [['X'], ['X', 'X/Y']],
  },
  RENAME: {
    prepare: async ({ store, account }) => store.mailboxes.create(account.id, 'X/Y'),
    act: ({ store, account }) => store.mailboxes.rename(account.id, 'X', 'Y/Z'),
    seen: names,
    before: ['X', 'X/Y'],
    after: ['Y', 'Y/Z', 'Y/Z/Y'],
    between: [['X', 'X/Y', 'Y']],
  },
  'RENAME of INBOX': {
    act: ({ store, account }) => store.mailboxes.rename(account.id, 'INBOX', 'X'),
    seen: async (on) => [await inboxOf(on), await texts(on, await mailbox(on, 'X'))],
    before: [FOUR, null],
    after: [[], FOUR],
    between: [
      [FOUR, []],
      [FOUR, FOUR],
    ],
  },
  DELETE: {
    async prepare(on) {
      const { id } = await on.store.mailboxes.create(on.account.id, 'X');
      await on.store.mailboxes.copy(on.inbox, [[1, 3]], id);
    },
    act: ({ store, account }) => store.mailboxes.remove(account.id, 'X'),
    seen: names,
    before: ['X'],
    after: [],
  },
  SUBSCRIBE: {
    act: ({ store, account }) => store.mailboxes.subscribe(account.id, 'X', true),
    seen: async ({ store, account }) => (await store.mailboxes.subscriptions(account.id)).includes('X'),
    before: false,
    after: true,
  },
  'a new account': {
    act: ({ store, id }) => store.directory.create({ address: `new${id}@baidu.com`, passwordHash: 'x' }),
    async seen({ store, id }) {
      const made = await store.directory.find(`new${id}@baidu.com`);
      return made === null ? null : (await store.mailboxes.list(made.id)).length > 3;
    },
    before: null,
    after: true,
  },
  'a new address': {
    act: ({ store, account, id }) => store.directory.rename([{ account: account.id, address: `other${id}@baidu.com` }]),
    seen: async ({ store, account, id }) =>
      (await store.directory.get(account.id))?.address === `other${id}@baidu.com`.toLowerCase(),
    before: false,
    after: true,
  },
  'the removal of an account': {
    act: ({ store, account }) => store.directory.remove(account.id),
    seen: async ({ store, account }) => (await store.directory.get(account.id)) === null,
    before: false,
    after: true,
  },
  'an alias': {
    act: ({ store, id }) => store.directory.setAlias(`alias${id}@baidu.com`, ['a@qq.com']),
    seen: async ({ store, id }) => (await store.directory.aliases()).has(`alias${id}@baidu.com`.toLowerCase()),
    before: false,
    after: true,
  },
  'postsuper -d': {
    prepare: queue,
    act: ({ store, id }) => store.queue.remove({ queueIds: [`${id}-5`] }),
    seen: queueOf,
    before: ['a@qq.com 0', 'b@qq.com 0'],
    after: [],
    between: [['a@qq.com 0'], ['b@qq.com 0']],
  },
};

/** What happens to the n-th command of an operation, and to those that follow. */
const FAULTS = {
  'is lost on its way': (n: number, at: number) => (n === at ? 'cut before' : undefined),
  'loses its answer': (n: number, at: number) => (n === at ? 'cut after' : undefined),
  'is lost, and all that follow': (n: number, at: number) => (n >= at ? 'cut before' : undefined),
  'loses its answer, and all that follow are lost': (n: number, at: number) =>
    n === at ? 'cut after' : n > at ? 'cut before' : undefined,
} as const;

const READS = new Set(['find', 'aggregate', 'count', 'distinct']);
/** What a store does by itself. */
const isBeside = ({ collection }: MongoCommand): boolean => collection === 'processes';

interface Tried {
  readonly on: Case;
  readonly confirmed: boolean;
  /** The command that the fault was for. */
  readonly at: number;
}

/** The operation with the fault at each of its commands in turn. */
async function tryEach(
  store: Store,
  proxy: MongoProxy,
  operation: Operation,
  fault: keyof typeof FAULTS,
): Promise<readonly Tried[]> {
  const tried: Tried[] = [];
  for (let at = 1; ; at += 1) {
    const id = `C${at}`;
    const account = await store.directory.create({ address: `${id}@baidu.com`, passwordHash: 'x' });
    const inbox = await mailboxId(store, account.id, 'INBOX');
    for (const number of [1, 2, 3, 4]) {
      const flags = number === 4 ? ['\\Deleted'] : [];
      await store.accept(sampleAcceptance(`${id}-${number}`, { deliveries: [toInbox(account.id, flags)] }));
    }
    const on = { store, account, inbox, id };
    const prepared = await operation.prepare?.(on);
    let count = 0;
    let again = '';
    proxy.fault = (command) => {
      if (isBeside(command)) return undefined;
      const what = `${command.name} ${command.collection}`;
      // The driver reads a second time by itself.
      const repeated = READS.has(command.name) && what === again;
      again = '';
      if (!repeated) count += 1;
      const done = FAULTS[fault](count, at);
      if (done !== undefined && !repeated) again = what;
      return done;
    };
    let failure: unknown = null;
    try {
      await operation.act(on, prepared);
    } catch (error) {
      failure = error;
    }
    proxy.fault = () => undefined;
    if (failure !== null) expect(failure, `command ${at}`).toBeInstanceOf(StoreUnavailableError);
    tried.push({ on, confirmed: failure === null, at });
    if (count < at) return tried;
  }
}

async function expectRight(tried: readonly Tried[], store: Store, operation: Operation): Promise<void> {
  for (const { on, confirmed, at } of tried) {
    const seen = await operation.seen({ ...on, store });
    const right = confirmed ? [operation.after] : [operation.before, operation.after, ...(operation.between ?? [])];
    expect(right, `command ${at}${confirmed ? ', confirmed' : ''}`).toContainEqual(seen);
  }
}

/** Failures pass soon here. */
const HASTE = 'serverSelectionTimeoutMS=1000&minHeartbeatFrequencyMS=20';

async function inNextProcess(name: string, fault: keyof typeof FAULTS): Promise<void> {
  const operation = OPERATIONS[name] ?? expect.fail(name);
  const database = await openDatabase({ promoteBuffers: true });
  const proxy = await openMongoProxy(database.uri);
  const open = (uri: string): Promise<Store> => openMongoStore({ uri, log: quietLog });
  const first = await open(uriWithDatabase(`${proxy.uri}?${HASTE}`, database.name));
  let tried: readonly Tried[];
  try {
    tried = await tryEach(first, proxy, operation, fault);
  } finally {
    await first.close();
    await proxy.close();
  }
  // The next process takes over; one of hours later sweeps what is kept in case that the first only stood still.
  await (await open(database.uri)).close();
  const later = await openMongoStore({ uri: database.uri, log: quietLog, clock: () => Date.now() + 7 * 3_600_000 });
  try {
    await vi.waitFor(async () => expect(await audit(database.db)).toEqual([]), { timeout: 5000, interval: 200 });
    await expectRight(tried, later, operation);
  } finally {
    await later.close();
    await database.close();
  }
}

/** What is swept only after hours: drafts of queue items among it. */
const SWEPT = /^\d+ (?:drafts|spools|chunks without content)|^C\d+-5\.\d has no reference in its content/;
/** The queue's runner repeats these itself. */
const REPEATED: ReadonlySet<string> = new Set([
  'a claim',
  'a settlement',
  'the end of a message in the queue',
  'postsuper -d',
]);

async function inSameProcess(name: string, fault: keyof typeof FAULTS): Promise<void> {
  const operation = OPERATIONS[name] ?? expect.fail(name);
  const database = await openDatabase({ promoteBuffers: true });
  const proxy = await openMongoProxy(database.uri);
  const uri = uriWithDatabase(`${proxy.uri}?${HASTE}`, database.name);
  const store = await openMongoStore({ uri, log: quietLog, hurry: 20 });
  try {
    const tried = await tryEach(store, proxy, operation, fault);
    const faults = async (): Promise<string[]> => (await audit(database.db)).filter((line) => !SWEPT.test(line));
    await vi.waitFor(async () => expect(await faults()).toEqual([]), { timeout: 15_000, interval: 500 });
    await expectRight(tried, store, operation);
  } finally {
    await store.close();
    await proxy.close();
    await database.close();
  }
}

interface Claims {
  readonly proxy: MongoProxy;
  readonly database: TestDatabase;
  /** Two items, for an hour. */
  claimed(): Promise<readonly QueueItem[]>;
}

/** A store with two queued items, whose commands pass the proxy. */
async function withClaims(act: (on: Claims) => Promise<void>): Promise<void> {
  const database = await openDatabase();
  const proxy = await openMongoProxy(database.uri);
  const uri = uriWithDatabase(`${proxy.uri}?minHeartbeatFrequencyMS=20`, database.name);
  const store = await openMongoStore({ uri, log: quietLog });
  try {
    await store.accept(sampleAcceptance('Q', { queued: [queuedFor('a@qq.com'), queuedFor('b@qq.com')] }));
    const now = 1_795_000_001_000;
    const claimed = (): Promise<readonly QueueItem[]> =>
      store.queue.claim({ now, limit: 10, leaseMs: 3_600_000, exclude: [] });
    await act({ proxy, database, claimed });
  } finally {
    await store.close();
    await proxy.close();
    await database.close();
  }
}

test('what a claim got whose answer was lost is claimed again by the same process', () =>
  withClaims(async ({ proxy, claimed }) => {
    for (const fault of ['cut after', 'cut before'] as const) {
      proxy.fault = ({ name, collection }) => (name === 'update' && collection === 'queue' ? fault : undefined);
      await expect(claimed()).rejects.toBeInstanceOf(StoreUnavailableError);
    }
    proxy.fault = () => undefined;
    expect((await claimed()).map(({ recipient }) => recipient)).toEqual(['a@qq.com', 'b@qq.com']);
    expect(await claimed()).toEqual([]);
  }));

describe('a process that stood still', () => {
  test('hands out nothing of a claim during which others took it for dead, and gets it again', () =>
    withClaims(async ({ proxy, claimed, database }) => {
      let held = 0;
      proxy.fault = ({ name, collection }) => {
        if (name !== 'update' || collection !== 'queue') return undefined;
        held += 1;
        return { hold: delay(2_500) };
      };
      const late = claimed();
      const refused = expect(late).rejects.toBeInstanceOf(StoreUnavailableError);
      await vi.waitFor(() => expect(held).toBe(1));
      await database.db.collection('processes').updateOne({}, { $inc: { deaths: 1 } });
      await refused;
      expect((await claimed()).map(({ recipient }) => recipient)).toEqual(['a@qq.com', 'b@qq.com']);
    }));

  test.each([
    ['loses what it had when it was declared dead, and nothing that it claims later', true, ['a@qq.com']],
    ['keeps all if it shows life before it is declared dead', false, []],
  ])('%s', async (_name, isDead, released) => {
    const database = await openDatabase();
    const store = await openMongoStore({ uri: database.uri, log: quietLog });
    try {
      await store.accept(sampleAcceptance('Q', { queued: [queuedFor('a@qq.com'), queuedFor('b@qq.com')] }));
      const claim = { now: 1_795_000_001_000, limit: 1, leaseMs: 60_000, exclude: [] };
      const of = (by: string, declareDead: Processes['declareDead']): MongoQueue =>
        createQueue({ database: collectionsOf(database.db.client, database.db), by, clock: Date.now } as Context, {
          isIsolated: false,
          deaths: 0,
          confirm: async () => 0,
          declareDead,
        });
      const silent = of('silent', async () => false);
      expect(await silent.claim(claim)).toHaveLength(1);
      // It goes on at the very moment at which it is declared dead.
      const other = of('other', async () => {
        expect(await silent.claim(claim)).toHaveLength(1);
        return isDead;
      });
      await other.releaseLeasesOf('silent');
      const again = await other.claim({ ...claim, limit: 10 });
      expect(again.map(({ recipient }) => recipient)).toEqual(released);
    } finally {
      await store.close();
      await database.close();
    }
  });

  test('enters no copy whose takeover it finds between the look at the target and the verdict', async () => {
    const database = await openDatabase({ promoteBuffers: true });
    const [own, others] = [await openMongoProxy(database.uri), await openMongoProxy(database.uri)];
    const uriOf = ({ uri }: MongoProxy) => uriWithDatabase(`${uri}?minHeartbeatFrequencyMS=20`, database.name);
    const store = await openMongoStore({ uri: uriOf(own), log: quietLog });
    try {
      const account = await store.directory.create({ address: 'a@here.example', passwordHash: '' });
      await store.accept(sampleAcceptance('Q', { deliveries: [toInbox(account.id)] }));
      const [inbox, archive] = [
        await mailboxId(store, account.id, 'INBOX'),
        await mailboxId(store, account.id, 'Archive'),
      ];
      const [fenced, entered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let tries = 0;
      own.fault = ({ name, collection }) => {
        if (name !== 'update' || collection !== 'mailboxes') return undefined;
        tries += 1;
        return tries === 1 ? { hold: fenced.promise } : undefined;
      };
      const copying = store.mailboxes.copy(inbox, [[1, 1]], archive).then(
        () => 'done',
        (error: unknown) => error,
      );
      await vi.waitFor(() => expect(tries).toBe(1));
      let isFenced = false;
      others.fault = ({ name, collection }) => {
        if (name === 'findAndModify' && collection === 'mailboxes') isFenced = true;
        if (name !== 'update' || collection !== 'intents' || !isFenced) return undefined;
        fenced.resolve();
        return { hold: entered.promise };
      };
      await database.db.collection('processes').deleteMany({});
      const opening = openMongoStore({ uri: uriOf(others), log: quietLog });
      expect(await copying).toBeInstanceOf(StoreUnavailableError);
      entered.resolve();
      await (await opening).close();
      expect(await collect(store, archive)).toEqual([]);
      const left = (await audit(database.db)).filter((line) => !/^1 intents:/.test(line));
      expect(left).toEqual([]);
    } finally {
      await store.close();
      await Promise.all([own.close(), others.close()]);
      await database.close();
    }
  });

  test('leaves no chunk of a message that it wrote on, and did not end', async () => {
    const database = await openDatabase();
    const store = await openMongoStore({ uri: database.uri, log: quietLog });
    const later = { uri: database.uri, log: quietLog, clock: () => Date.now() + 7 * 3_600_000 };
    try {
      const spool = store.content.spool();
      await spool.write(LONG.subarray(0, 300_000));
      const { processes, chunks, spools } = collectionsIn(database.db);
      await vi.waitFor(async () => expect(await chunks.countDocuments()).toBe(1));
      await processes.deleteMany({});
      const other = await openMongoStore({ uri: database.uri, log: quietLog });
      await other.close();
      expect([await chunks.countDocuments(), await spools.countDocuments()]).toEqual([0, 1]);
      await spool.write(LONG.subarray(300_000));
      await vi.waitFor(async () => expect(await chunks.countDocuments()).toBe(1));
      await (await openMongoStore(later)).close();
      expect(await audit(database.db)).toEqual([]);
    } finally {
      await store.close();
      await database.close();
    }
  });
});

const collectionsIn = (db: Db) => ({
  processes: db.collection('processes'),
  chunks: db.collection('chunks'),
  spools: db.collection('spools'),
});

/** Set: also the faults that others include. */
const isWhole = process.env['POSTHORN_TEST_WHOLE'] !== undefined;
const TRIED = (Object.keys(FAULTS) as (keyof typeof FAULTS)[]).filter((fault) => isWhole || fault.startsWith('loses'));
const HARDEST = ['a delivery to a new mailbox, and to others', 'a late delivery', 'COPY of many', 'MOVE'];

describe.concurrent('in the next process', () => {
  for (const fault of TRIED)
    test.each(Object.keys(OPERATIONS))(`%s whose command ${fault}`, (name) => inNextProcess(name, fault));
});

describe.concurrent('in the same process', () => {
  const names = Object.keys(OPERATIONS).filter((name) => (isWhole ? !REPEATED.has(name) : HARDEST.includes(name)));
  test.each(names)('%s whose command loses its answer, and all that follow are lost', (name) =>
    inSameProcess(name, 'loses its answer, and all that follow are lost'),
  );
});
