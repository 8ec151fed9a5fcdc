/** A store is copied into another one: whatever is in it, however often it is interrupted, while it changes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyStore } from '../../src/maintenance/copy/copy.ts';
import { Tally } from '../../src/maintenance/copy/tally.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { checkFile } from '../store/check-file.ts';
import { collect, listQueue, mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { failing } from './interrupted.ts';
import { dump, LARGE_CHANGES, randomFrom, VariedStore } from './varied-store.ts';

let folders: { readonly from: string; readonly to: string };
let source: Store;
let target: Store;

const open = (directory: string): Promise<Store> => openSqliteStore({ directory, log: quietLog });

beforeEach(async () => {
  folders = { from: temporaryFolder('copy-from'), to: temporaryFolder('copy-to') };
  [source, target] = await Promise.all([open(folders.from), open(folders.to)]);
});
afterEach(async () => {
  await Promise.all([source.close(), target.close()]);
  checkFile(folders.to);
  for (const folder of Object.values(folders)) removeFolder(folder);
});

const copy = (options: { isServed?: boolean; thorough?: boolean; into?: Store; of?: string } = {}) =>
  copyStore({
    source,
    isServed: options.isServed ?? false,
    target: options.into ?? target,
    of: options.of ?? 'sqlite:/old',
    thorough: options.thorough ?? false,
    tally: new Tally(),
    onStep: () => {},
  });

/** The other side is what the source is, by all that can be read of both. */
async function expectEqual(): Promise<void> {
  expect(await dump(target)).toEqual(await dump(source));
}

describe('a copy', () => {
  it('has everything: long and empty messages, keywords, names, the queue, counters', async () => {
    await new VariedStore(source, randomFrom(1)).fill(300);
    const { isComplete, comparison, tally } = await copy({ thorough: true });
    expect(comparison?.first).toEqual([]);
    expect(isComplete).toBe(true);
    expect(tally.contents).toBeGreaterThan(200);
    await expectEqual();
    expect(await target.transfer.uidValidity()).toBeGreaterThanOrEqual(await source.transfer.uidValidity());
  });

  it('that is repeated writes nothing', async () => {
    await new VariedStore(source, randomFrom(2)).fill(100);
    await copy();
    const { isComplete, tally } = await copy();
    expect({ isComplete, written: tally.written, contents: tally.contents, removed: tally.removed }).toEqual({
      isComplete: true,
      written: 0,
      contents: 0,
      removed: 0,
    });
  });

  it('goes on from where it was interrupted, again and again', async () => {
    await new VariedStore(source, randomFrom(3)).fill(250);
    const random = randomFrom(30);
    let interrupted = 0;
    for (let isComplete = false; !isComplete; ) {
      try {
        ({ isComplete } = await copy({ into: failing(target, 20 + random(60)) }));
      } catch (error) {
        expect(error).toMatchObject({ message: expect.stringContaining('interrupted') });
        interrupted += 1;
        await target.close();
        target = await open(folders.to);
        expect(await target.transfer.copyMark()).toEqual({ of: 'sqlite:/old', complete: false });
      }
    }
    expect(interrupted).toBeGreaterThan(3);
    await expectEqual();
    expect((await copy({ thorough: true })).isComplete).toBe(true);
  });

  it.each([4, 5, 6])('copies what changed since: moves, renames, removed mailboxes and accounts (%i)', async (seed) => {
    const varied = new VariedStore(source, randomFrom(seed));
    await varied.fill(120);
    for (let round = 0; round < 6; round += 1) {
      const { isComplete, comparison } = await copy();
      expect(comparison?.first).toEqual([]);
      expect(isComplete).toBe(true);
      await expectEqual();
      for (let i = 0; i < 40; i += 1) await varied.change();
      for (let i = 0; i < 2; i += 1) await varied.change(LARGE_CHANGES);
    }
    expect((await copy({ thorough: true })).comparison?.first).toEqual([]);
  });

  it.each([7, 8, 9])(
    'of a store that changes meanwhile is equal after the last pass, even interrupted (%i)',
    async (seed) => {
      const varied = new VariedStore(source, randomFrom(seed));
      await varied.fill(120);
      for (let round = 0; round < 4; round += 1) {
        let copying = true;
        const copied = copy({ isServed: true, into: round === 1 ? failing(target, 40) : target })
          .then(
            ({ isComplete }) => expect(isComplete).toBe(false),
            (error: unknown) => expect(error).toMatchObject({ message: expect.stringContaining('interrupted') }),
          )
          .finally(() => {
            copying = false;
          });
        while (copying) await varied.change(varied.random(15) === 0 ? LARGE_CHANGES : undefined);
        await copied;
      }
      const { isComplete, comparison, tally } = await copy({ thorough: true });
      expect(tally.problems.first).toEqual([]);
      expect(comparison?.first).toEqual([]);
      expect(isComplete).toBe(true);
      await expectEqual();
    },
  );

  it('tells a client with QRESYNC what is gone, whenever it saw the mailbox last', async () => {
    const { id } = await source.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    const inbox = await mailboxId(source, id, 'INBOX');
    const deliver = async (queueId: string): Promise<number> => {
      await source.accept(sampleAcceptance(queueId, { deliveries: [toInbox(id)] }));
      return (await source.transfer.mailboxRecords(id)).find(({ name }) => name === 'INBOX')?.highestModseq ?? 0;
    };
    const seen = [await deliver('A1'), await deliver('A2')];
    await source.mailboxes.expunge(inbox, [[1, 1]], { force: true });
    await copy();
    // Comes and goes between two passes: it was never on the other side.
    seen.push(await deliver('A3'));
    await source.mailboxes.expunge(inbox, [[3, 3]], { force: true });
    seen.push(await deliver('A4'));
    await source.mailboxes.expunge(inbox, [[2, 2]], { force: true });
    await copy();
    const copied = await mailboxId(target, (await target.directory.find('xixi@baidu.com'))?.id ?? 0, 'INBOX');
    for (const modseq of seen) {
      const [wanted, told] = [
        await source.mailboxes.changes(inbox, modseq),
        await target.mailboxes.changes(copied, modseq),
      ];
      expect(told.changed).toEqual(wanted.changed);
      expect(told.vanished).toEqual(expect.arrayContaining([...wanted.vanished]));
      expect(told.vanished).not.toContain(4);
    }
  });

  it('stores a content of many mailboxes once', async () => {
    const accounts = await Promise.all(
      Array.from({ length: 12 }, (_, i) => source.directory.create({ address: `u${i}@baidu.com`, passwordHash: '' })),
    );
    const deliveries = accounts.map(({ id }) => toInbox(id));
    await source.accept(sampleAcceptance('M1', { deliveries, queued: [queuedFor('w@qq.com')] }));
    const { tally, isComplete } = await copy();
    expect({ contents: tally.contents, written: tally.written, isComplete }).toEqual({
      contents: expect.any(Number),
      written: 13,
      isComplete: true,
    });
    const [item] = await listQueue(target);
    const rows = await Promise.all(
      accounts.map(async ({ address }) => {
        const account = await target.directory.find(address);
        return collect(target, await mailboxId(target, account?.id ?? 0, 'INBOX'));
      }),
    );
    expect(new Set(rows.flat().map(({ content }) => content))).toEqual(new Set([item?.content]));
  });

  it('copies a content again that the other side swept before its row came', async () => {
    const { id } = await source.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    for (let i = 0; i < 5; i += 1) await source.accept(sampleAcceptance(`S${i}`, { deliveries: [toInbox(id)] }));
    let [found, put] = [0, 0];
    const { transfer } = target;
    const sweeping: Store = {
      ...target,
      transfer: {
        ...transfer,
        // It was there when it was asked for, and is gone when it is read.
        contentsOf: async (queueIds) => {
          found += 1;
          return found === 1 ? queueIds.map(() => 999_999) : transfer.contentsOf(queueIds);
        },
        putMessages: async (mailbox, messages) => {
          put += 1;
          if (put === 1) throw new Error('a content of these messages is no longer in the store');
          return transfer.putMessages(mailbox, messages);
        },
      },
    };
    expect((await copy({ into: sweeping })).isComplete).toBe(true);
    expect([found, put]).toEqual([2, 2]);
    await expectEqual();
  });

  it('refuses a store with mail of its own, and the copy of another one', async () => {
    await target.directory.create({ address: 'own@baidu.com', passwordHash: '' });
    await expect(copy()).rejects.toThrow('has accounts or mail of its own');
    expect(await target.transfer.copyMark()).toBeNull();
    await target.transfer.markCopy({ of: 'sqlite:/other', complete: true });
    await expect(copy()).rejects.toThrow('is a copy of sqlite:/other');
    expect(await target.directory.list()).toHaveLength(1);
  });

  it('refuses a source in which mail is missing', async () => {
    await source.transfer.markCopy({ of: 'sqlite:/first', complete: false });
    await expect(copy()).rejects.toThrow('is a copy of sqlite:/first that is not complete');
    await source.transfer.markCopy({ of: 'sqlite:/first', complete: true });
    expect((await copy()).isComplete).toBe(true);
  });

  it('is marked as complete by a verification without a difference', async () => {
    await new VariedStore(source, randomFrom(10)).fill(20);
    await copy({ isServed: true });
    expect(await target.transfer.copyMark()).toEqual({ of: 'sqlite:/old', complete: false });
    await copy();
    expect(await target.transfer.copyMark()).toEqual({ of: 'sqlite:/old', complete: true });
  });
});

describe('a message that cannot be read', () => {
  /** The source's content cannot be read from its second chunk on, or not at all. */
  const unreadable = async (whole: Store, bytes: Buffer): Promise<Store> => {
    const { id } = await whole.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    const { content } = await whole.accept(sampleAcceptance('bad', { bytes, deliveries: [toInbox(id)] }));
    for (let i = 0; i < 5; i += 1) await whole.accept(sampleAcceptance(`good${i}`, { deliveries: [toInbox(id)] }));
    const check = (wanted: unknown): void => {
      if (wanted === content) throw new Error('chunk 1 is missing');
    };
    return {
      ...whole,
      content: {
        ...whole.content,
        read: async (wanted, ...range) => {
          check(wanted);
          return whole.content.read(wanted, ...range);
        },
        async *stream(wanted, _start, end) {
          yield* whole.content.stream(wanted, 0, CHUNK_SIZE);
          check(wanted);
          yield* whole.content.stream(wanted, CHUNK_SIZE, end);
        },
      },
    };
  };

  it.each([
    ['short', Buffer.from('Subject: bad\r\n\r\n')],
    ['long', Buffer.alloc(2 * CHUNK_SIZE, 'x')],
  ])('is named, the others are copied, and the next copy tries again: a %s one', async (_, bytes) => {
    const whole = source;
    source = await unreadable(whole, bytes);
    for (let round = 0; round < 2; round += 1) {
      const { isComplete, tally, comparison } = await copy();
      expect(isComplete).toBe(false);
      expect(tally.problems.first).toEqual([{ place: 'xixi@baidu.com INBOX UID 1', problem: 'chunk 1 is missing' }]);
      expect(comparison?.counts.get('messages')).toEqual({ compared: 6, different: 1 });
    }
    source = whole;
    expect((await copy()).isComplete).toBe(true);
    await expectEqual();
  });
});

describe('a verification', () => {
  const differences = async (): Promise<string[]> => {
    const { comparison, isComplete } = await copy({ thorough: true });
    expect(isComplete).toBe(false);
    return (comparison?.first ?? []).map(({ what, place, problem }) => `${what}: ${place}: ${problem}`);
  };

  it('names each difference that a pass does not see', async () => {
    const { id } = await source.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    await source.accept(sampleAcceptance('A1', { deliveries: [toInbox(id, ['\\Seen'])] }));
    await source.accept(sampleAcceptance('A2', { deliveries: [toInbox(id)] }));
    await copy();
    const inbox = await mailboxId(target, (await target.directory.find('xixi@baidu.com'))?.id ?? 0, 'INBOX');
    const [row] = await collect(target, inbox);
    if (row === undefined) throw new Error('a row');
    await target.transfer.putMessages(inbox, [{ ...row, flags: ['\\Flagged'] }]);
    expect(await differences()).toEqual([
      'mailboxes: xixi@baidu.com INBOX: unseen 1, copied as 2',
      'messages: xixi@baidu.com INBOX UID 1: flags ["\\\\Seen"], copied as ["\\\\Flagged"]',
    ]);
  });

  it('compares octets and index of every message if it is thorough', async () => {
    const { id } = await source.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    await source.accept(sampleAcceptance('A1', { deliveries: [toInbox(id)] }));
    await copy();
    const read = source.content.read;
    source = {
      ...source,
      content: { ...source.content, read: async (...args) => Buffer.from(await read(...args)).fill('x') },
    };
    expect(await differences()).toEqual([
      expect.stringMatching(/^contents: xixi@baidu\.com INBOX UID 1: sha256 "\w+", copied as "\w+"$/),
    ]);
  });
});
