/** Requirement G10: `posthorn undelete`: which expunged messages come back, and where. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AdminServices } from '../../src/admin/operation.ts';
import { undeleteOperations } from '../../src/admin/undelete.ts';
import type { Id } from '../../src/mail/account.ts';
import { quietLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { acceptanceOf, openTemporaryStore, type TemporaryStore } from '../kit/store.ts';

const HOUR = 3_600_000;
let opened: TemporaryStore;
let account: Id;
let now: number;
let serial = 0;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 27, 3);
  opened = await openTemporaryStore(quietLog, () => now);
  account = (await opened.store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' })).id;
  opened.store.expunged.keepFor(24 * HOUR);
});
afterEach(() => opened.close());

const ask = (name: string, given: Record<string, unknown> = {}): Promise<unknown> | undefined =>
  undeleteOperations[`expunged.${name}`]?.(
    {
      store: opened.store,
      defaultDomain: 'baidu.com',
      parameters: parametersOf(),
      clock: () => now,
    } as Partial<AdminServices> as AdminServices,
    { address: 'xixi', ...given },
  );

const deliver = async (mailbox: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) {
    serial += 1;
    const bytes = Buffer.from(`From: maomao@qq.com\r\nSubject: Letter ${serial}\r\n\r\nmiaow\r\n`);
    await opened.store.accept(acceptanceOf(`U${serial}`, bytes, { account, mailbox, flags: ['\\Seen'], at: now }));
  }
};
const empty = async (name: string): Promise<void> => {
  const { id } = (await opened.store.mailboxes.find(account, name)) ?? {};
  await opened.store.mailboxes.expunge(id ?? 0, undefined, { force: true });
};
const counts = async (): Promise<Record<string, number>> => {
  const found: Record<string, number> = {};
  for (const { id, name } of await opened.store.mailboxes.list(account)) {
    const { messages } = await opened.store.mailboxes.status(id);
    if (messages > 0) found[name] = messages;
  }
  return found;
};

it('each message comes back into the folder where it was: one that was renamed, or is made again', async () => {
  const { mailboxes } = opened.store;
  await deliver('INBOX', 2);
  await deliver('Work', 3);
  await deliver('Gone/Deep', 1);
  for (const name of ['INBOX', 'Work']) await empty(name);
  await mailboxes.rename(account, 'Work', 'Play');
  await mailboxes.remove(account, 'Gone/Deep');
  expect(await counts()).toEqual({});
  const folders = [
    { folder: 'INBOX', messages: 2, made: false },
    { folder: 'Play', messages: 3, made: false },
    { folder: 'Gone/Deep', messages: 1, made: true },
  ];
  expect(await ask('restore', { dryRun: true })).toEqual({ address: 'xixi@baidu.com', folders });
  expect(await counts()).toEqual({});
  expect(await ask('restore')).toEqual({ address: 'xixi@baidu.com', folders });
  expect(await counts()).toEqual({ INBOX: 2, Play: 3, 'Gone/Deep': 1 });
  expect(await mailboxes.find(account, 'Gone/Deep')).toMatchObject({ subscribed: true });
  expect(await ask('restore')).toEqual({ address: 'xixi@baidu.com', folders: [] });
  expect(await counts()).toEqual({ INBOX: 2, Play: 3, 'Gone/Deep': 1 });
});

it('only those of a folder, or expunged lately, come back; all into one folder if that is asked for', async () => {
  await deliver('INBOX', 2);
  await deliver('Work', 1);
  await empty('Work');
  now += 3 * HOUR;
  await empty('INBOX');
  now += HOUR;
  const listed = await ask('list', { since: 2 * HOUR });
  expect(listed).toMatchObject({
    count: 2,
    messages: [1, 2].map(() => ({
      folder: 'INBOX',
      expunged: '2026-11-27T06:00:00.000Z',
      date: '2026-11-27T03:00:00.000Z',
      flags: ['\\Seen'],
      from: 'maomao@qq.com',
    })),
  });
  expect(await ask('list', { folder: 'Work' })).toMatchObject({ count: 1, messages: [{ folder: 'Work' }] });
  expect(await ask('restore', { since: 2 * HOUR, folder: 'Work' })).toMatchObject({ folders: [] });
  expect(await ask('restore', { since: 2 * HOUR, to: 'Back' })).toMatchObject({
    folders: [{ folder: 'Back', messages: 2, made: true }],
  });
  expect(await ask('restore', { folder: 'Work', to: 'inbox' })).toMatchObject({ folders: [{ folder: 'INBOX' }] });
  expect(await counts()).toEqual({ Back: 2, INBOX: 1 });
});

it('what cannot be done is refused with the reason', async () => {
  await deliver('INBOX', 1);
  await empty('INBOX');
  await expect(ask('restore', { address: 'nobody' })).rejects.toThrow('there is no account nobody@baidu.com');
  await expect(ask('restore', { to: 'a//b' })).rejects.toThrow('a level of the mailbox name is empty');
  expect(await ask('list')).toMatchObject({ count: 1 });
});
