/**
 * Two processes are about the same thing at the same time, for each took the other for dead: it is done once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { type MongoProxy, openMongoProxy } from '../kit/mongo-proxy.ts';
import { uriWithDatabase } from '../kit/mongodb.ts';
import { collect, mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { openDatabase, type TestDatabase } from './database.ts';

/** NetworkTimeout: of a heartbeat, the others take the process for dead. */
const SILENT = { refuse: { code: 89, errmsg: 'not now' } };
const soon = { timeout: 10_000, interval: 20 };

interface Side {
  readonly store: Store;
  readonly proxy: MongoProxy;
}

interface Scene {
  readonly a: Side;
  readonly b: Side;
  readonly db: TestDatabase['db'];
  readonly account: Account;
  readonly inbox: Id;
  /** Opens at the end of the test at the latest. */
  gate(): PromiseWithResolvers<void>;
}

/** Plays it with housekeeping so many times as often as usual, and looks how many messages are in INBOX. */
async function play(hurry: number, scene: (on: Scene) => Promise<void>): Promise<number> {
  const database = await openDatabase();
  const gates: PromiseWithResolvers<void>[] = [];
  const side = async (): Promise<Side> => {
    const proxy = await openMongoProxy(database.uri);
    const uri = uriWithDatabase(proxy.uri, database.name);
    return { proxy, store: await openMongoStore({ uri, log: quietLog, hurry }) };
  };
  const [a, b] = [await side(), await side()];
  try {
    const account = await a.store.directory.create({ address: 'a@baidu.com', passwordHash: 'x' });
    const inbox = await mailboxId(a.store, account.id, 'INBOX');
    const gate = (): PromiseWithResolvers<void> => {
      const made = Promise.withResolvers<void>();
      gates.push(made);
      return made;
    };
    await scene({ a, b, db: database.db, account, inbox, gate });
    for (const { proxy } of [a, b]) proxy.fault = () => undefined;
    for (const { resolve } of gates) resolve();
    await vi.waitFor(
      async () => expect(await database.db.collection('contents').findOne({ open: true })).toBe(null),
      soon,
    );
    return (await collect(b.store, inbox, {})).length;
  } finally {
    for (const { resolve } of gates) resolve();
    for (const { store, proxy } of [a, b]) {
      await store.close();
      await proxy.close();
    }
    await database.close();
  }
}

test('an acceptance that one process begins, the other takes over, and the first takes over again', async () => {
  const count = await play(20, async (on) => {
    const { a, b, account } = on;
    const [looks, decides, closes] = [on.gate(), on.gate(), on.gate()];
    // A does not know whether it has appended, and stands still before it looks; its queue item cannot be released.
    let isLost = false;
    a.proxy.fault = ({ name, collection, body }) => {
      if (collection === 'processes') return SILENT;
      if (name === 'update' && collection === 'queue') return { refuse: { code: 13, errmsg: 'not allowed' } };
      if (name === 'update' && collection === 'contents') return { hold: closes.promise };
      if (name === 'update' && collection === 'mailboxes' && !isLost) {
        isLost = true;
        return SILENT;
      }
      if (!isLost || name !== 'find' || collection !== 'mailboxes' || body['filter']?._id !== on.inbox)
        return undefined;
      looks.resolve();
      return { hold: decides.promise };
    };
    // B takes it over, appends, and cannot say so before it dies.
    b.proxy.fault = ({ name, collection }) =>
      name === 'update' && collection === 'contents' ? { hold: closes.promise } : undefined;
    const deliveries = [toInbox(account.id)];
    const accepting = a.store.accept(sampleAcceptance('X', { deliveries, queued: [queuedFor('a@qq.com')] }));
    accepting.catch(() => {});
    await looks.promise;
    const isBy = (): Promise<string | undefined> => contents.findOne({ _id: 'X' }).then((found) => found?.by);
    const contents = on.db.collection<{ _id: string; by: string }>('contents');
    const first = await isBy();
    const appended = on.db.collection('mailboxes');
    await vi.waitFor(
      async () => expect(await appended.findOne({ 'journal.0': { $exists: true } })).not.toBe(null),
      soon,
    );
    expect(await isBy()).not.toBe(first);
    b.proxy.fault = ({ collection }) => (collection === 'processes' ? SILENT : { hold: closes.promise });
    a.proxy.fault = ({ name, collection }) =>
      name === 'update' && collection === 'contents' ? { hold: closes.promise } : undefined;
    // A looks after what is B's now, but for what it is still about itself.
    await vi.waitFor(async () => expect(await isBy()).toBe(first), { timeout: 1500, interval: 20 }).catch(() => {});
    let isChecked = false;
    const fault = a.proxy.fault;
    a.proxy.fault = (command) => {
      isChecked ||= command.name === 'find' && command.collection === 'contents';
      return fault(command);
    };
    decides.resolve();
    await accepting.catch(() => {});
    await vi.waitFor(() => expect(isChecked).toBe(true), soon);
    // As long as an append takes that must not be.
    await delay(300);
  });
  expect(count).toBe(1);
});

test('an operation that becomes loose while it is asked about others stays in the journal until its acceptance is closed', async () => {
  const count = await play(5, async ({ a, db, account, gate }) => {
    const [asks, answered] = [gate(), gate()];
    a.proxy.fault = ({ name, collection, body }) => {
      if (collection !== 'contents') return undefined;
      // No acceptance can be closed.
      if (name === 'update') return SILENT;
      if (name !== 'find' || !('$or' in (body['filter'] ?? {}))) return undefined;
      asks.resolve();
      return { hold: answered.promise };
    };
    await a.store.accept(sampleAcceptance('X', { deliveries: [toInbox(account.id)] }));
    await asks.promise;
    await a.store.accept(sampleAcceptance('Y', { deliveries: [toInbox(account.id)] }));
    await delay(200);
    answered.resolve();
    await delay(2500);
    const { journal } = (await db.collection('mailboxes').findOne({ 'journal.0': { $exists: true } })) ?? {
      journal: [],
    };
    const held = JSON.stringify(journal);
    for (const content of ['X', 'Y']) expect(held).toContain(`"content":"${content}"`);
  });
  expect(count).toBe(2);
});
