/** A server that has no change streams (one alone, without a replica set): a process asks what the others did. */
import { Collection } from 'mongodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Account } from '../../src/mail/account.ts';
import type { Change } from '../../src/mail/change.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { acceptanceOf } from '../kit/store.ts';
import { openDatabase, type TestDatabase } from './database.ts';

/** News come within this time, ms. */
const NEWS = 1_000;

let database: TestDatabase;
let here: Store;
let other: Store;
let account: Account;
beforeAll(async () => {
  database = await openDatabase();
  other = await openMongoStore({ uri: database.uri, log: quietLog });
  account = await other.directory.create({ address: 'xixi@baidu.com', passwordHash: '{PLAIN}x' });
  const aggregate = vi.spyOn(Collection.prototype, 'aggregate').mockImplementation(() => {
    throw new Error('$changeStream is only supported on replica sets');
  });
  here = await openMongoStore({ uri: database.uri, log: quietLog });
  expect(aggregate).toHaveBeenCalledWith([{ $changeStream: {} }]);
  aggregate.mockRestore();
});
afterAll(async () => {
  await here.close();
  await other.close();
  await database.close();
});

it('changes of the mailboxes that are open are heard within a second', async () => {
  const heard: Change[] = [];
  const unwatch = here.mailboxes.watch(account.id, (change) => heard.push(change));
  const { id } = await other.mailboxes.create(account.id, 'box');
  await here.mailboxes.open(id, { claimRecent: false });
  const next = async (act: () => Promise<unknown>): Promise<Change[]> => {
    heard.length = 0;
    await act();
    await vi.waitFor(() => expect(heard).not.toEqual([]), { timeout: NEWS, interval: 10 });
    return heard;
  };
  const message = acceptanceOf('A1', Buffer.from('Subject: x\r\n\r\nx\r\n'), { account: account.id, mailbox: 'box' });
  expect(await next(() => other.accept(message))).toMatchObject([
    { kind: 'append', mailbox: id, messages: [{ uid: 1 }] },
  ]);
  const seen = { op: 'add', flags: ['\\Seen'] } as const;
  expect(await next(() => other.mailboxes.store(id, [[1, 1]], seen))).toMatchObject([
    { kind: 'flags', mailbox: id, messages: [{ uid: 1, flags: ['\\Seen'] }] },
  ]);
  expect(await next(() => other.mailboxes.expunge(id, [[1, 1]], { force: true }))).toMatchObject([
    { kind: 'expunge', mailbox: id, uids: [1] },
  ]);
  const whole = [{ kind: 'mailbox', mailbox: id }];
  expect(await next(() => other.mailboxes.rename(account.id, 'box', 'new'))).toEqual(whole);
  expect(await next(() => other.mailboxes.remove(account.id, 'new'))).toEqual(whole);
  unwatch();
});

it('changes of the accounts that are logged in are heard within a second', async () => {
  let heard: Account | null | undefined;
  const unwatch = here.directory.watch(account.id, (now) => {
    heard = now;
  });
  const isHeard = (what: unknown): Promise<void> =>
    vi.waitFor(() => expect(heard).toEqual(what), { timeout: NEWS, interval: 10 });
  await other.directory.update(account.id, { passwordHash: '{PLAIN}y' });
  await isHeard({ ...account, passwordHash: '{PLAIN}y' });
  await other.directory.remove(account.id);
  await isHeard(null);
  unwatch();
});
