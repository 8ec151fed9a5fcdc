import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NearReads } from '../../src/store/backend/sqlite/front/near-reads.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';

let directory: string;
let store: Store;
let mailbox: number;
beforeEach(async () => {
  directory = temporaryFolder('near');
  store = await openSqliteStore({ directory, log: quietLog });
  const account = await store.directory.create({ address: 'xixi@example.test', passwordHash: '' });
  mailbox = Number((await store.mailboxes.find(account.id, 'INBOX'))?.id);
});
afterEach(async () => {
  await store.close();
  removeFolder(directory);
});

/** A clock that stands still, or advances by `step` at each call. */
function clock(): { now: () => number; at: number; step: number } {
  const time = { at: 1000, step: 0, now: () => time.at };
  time.now = () => {
    time.at += time.step;
    return time.at;
  };
  return time;
}

describe('reads on the session thread', () => {
  it('are only the short ones', async () => {
    const near = new NearReads(directory);
    expect(await near.call('status', { mailbox })).toMatchObject({ messages: 0 });
    const rows = (high: number): unknown => near.call('rows', { mailbox, uids: [[1, high]], from: [0, 0], columns: 0 });
    expect(await rows(64)).toMatchObject({ contents: [] });
    expect(rows(65)).toBeUndefined();
    expect(near.call('mailboxSection', { mailbox, after: 0, most: 10 })).toBeUndefined();
    expect(near.call('readContent', { content: 1, start: 0, end: null })).toBeUndefined();
    expect(near.call('readContent', { content: 1, start: 0, end: 1024 * 1024 })).toBeUndefined();
    near.close();
    expect(near.call('status', { mailbox })).toBeUndefined();
  });

  it('a turn of the event loop reads for some milliseconds, then other work runs', async () => {
    const time = clock();
    const near = new NearReads(directory, time.now);
    await near.call('status', { mailbox });
    await nextTurn();
    time.step = 1;
    const order: string[] = [];
    setImmediate(() => order.push('turn'));
    await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (name) => {
        await near.call('status', { mailbox });
        order.push(name);
      }),
    );
    near.close();
    expect(order.indexOf('turn')).toBe(2);
    expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd', 'turn']);
  });

  it('after two slow reads the reader thread gets all of them, for longer each time', async () => {
    const time = clock();
    const near = new NearReads(directory, time.now);
    const slow = async (): Promise<void> => {
      time.step = 5;
      await near.call('status', { mailbox });
      time.step = 0;
    };
    await slow();
    // One alone may have been interrupted by another program.
    expect(await near.call('status', { mailbox })).toMatchObject({ messages: 0 });
    await slow();
    expect(near.call('status', { mailbox })).toBeUndefined();
    time.at += 101;
    await slow();
    time.at += 101;
    expect(near.call('status', { mailbox })).toBeUndefined();
    time.at += 100;
    expect(await near.call('status', { mailbox })).toMatchObject({ messages: 0 });
    near.close();
  });

  it("those that wait for a turn meanwhile are the reader thread's too", async () => {
    const time = clock();
    const near = new NearReads(directory, time.now);
    time.step = 5;
    const answers = await Promise.all(Array.from({ length: 20 }, () => near.call('status', { mailbox })));
    near.close();
    // The first is slow, the second one too: that is the disk.
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(2);
  });

  it('a missing mailbox is the same error as on the reader thread', async () => {
    await expect(store.mailboxes.status(99)).rejects.toMatchObject({ reason: 'nonexistent' });
    await expect(store.content.read(99, 0, 10)).rejects.toThrow('content 99 is no longer in the store');
  });
});
