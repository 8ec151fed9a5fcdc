/** What every backend guarantees of expunged messages that are kept (src/store/expunged.ts). */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Id } from '../../src/mail/account.ts';
import type { Change } from '../../src/mail/change.ts';
import type { Inspection } from '../../src/store/check.ts';
import type { ExpungedMessage } from '../../src/store/expunged.ts';
import type { Store } from '../../src/store/store.ts';
import { collect, mailboxId, type StoreUnderTest } from './conformance.ts';
import { sampleAcceptance, toInbox } from './samples.ts';

const DAY = 86_400_000;

export async function listKept(store: Store, account: Id): Promise<ExpungedMessage[]> {
  const messages: ExpungedMessage[] = [];
  for await (const some of store.expunged.list(account)) messages.push(...some);
  return messages;
}

export function expungedConformance(backend: string, open: () => Promise<StoreUnderTest>): void {
  describe(`expunged messages of the ${backend} store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let account: Id;
    let inbox: Id;

    beforeEach(async () => {
      under = await open();
      store = under.store;
      account = (await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' })).id;
      inbox = await mailboxId(store, account, 'INBOX');
      store.expunged.keepFor(DAY);
    });
    afterEach(() => under.close());

    const fill = async (from: number, to: number, flags: readonly string[] = []): Promise<Id[]> => {
      const contents: Id[] = [];
      for (let i = from; i <= to; i += 1)
        contents.push(
          (await store.accept(sampleAcceptance(`F${i}`, { deliveries: [toInbox(account, flags)] }))).content,
        );
      return contents;
    };
    const idsOf = (messages: readonly ExpungedMessage[]): Id[] => messages.map(({ id }) => id);
    const faults = async (): Promise<Inspection[]> => {
      const found: Inspection[] = [];
      for await (const one of store.check.inspect({ repair: false })) if (one.wrong > 0) found.push(one);
      return found;
    };

    it('are seen by nobody, and come back as they were, with new UIDs and without \\Deleted', async () => {
      const [content] = await fill(1, 3, ['\\Seen', 'Work']);
      await store.mailboxes.store(inbox, [[1, 2]], { op: 'add', flags: ['\\Deleted'] });
      const before = await collect(store, inbox);
      await store.mailboxes.expunge(inbox);
      expect(await store.mailboxes.status(inbox)).toMatchObject({ messages: 1, deleted: 0, size: before[2]?.size });
      expect((await collect(store, inbox)).map(({ uid }) => uid)).toEqual([3]);
      const kept = await listKept(store, account);
      expect(kept).toMatchObject([
        { mailbox: 'INBOX', uid: 1, content, prefix: before[0]?.prefix, internalDate: before[0]?.internalDate },
        { mailbox: 'INBOX', uid: 2 },
      ]);
      expect(Math.abs((kept[0]?.expungedAt ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(kept[0]?.uidValidity).toBe((await store.mailboxes.status(inbox)).uidValidity);

      const heard: Change[] = [];
      const stop = store.mailboxes.watch(account, (change) => heard.push(change));
      expect(await store.expunged.restore(idsOf(kept), inbox)).toBe(2);
      stop();
      const { uid: _, modseq: __, flags, ...rest } = before[0] ?? {};
      const back = (await collect(store, inbox)).slice(1);
      expect(back).toMatchObject([{ uid: 4, ...rest }, { uid: 5 }]);
      expect(back[0]?.flags.toSorted()).toEqual(flags?.filter((flag) => flag !== '\\Deleted').toSorted());
      expect(heard).toMatchObject([{ kind: 'append', mailbox: inbox, messages: [{ uid: 4 }, { uid: 5 }] }]);
      expect(await store.mailboxes.status(inbox)).toMatchObject({ messages: 3, deleted: 0, unseen: 0, uidNext: 6 });
      expect(await listKept(store, account)).toEqual([]);
      expect((await store.mailboxes.changes(inbox, 1)).vanished).toEqual([1, 2]);
      expect(await faults()).toEqual([]);
    });

    it('come back once, however often and by how many at the same time that is asked for', async () => {
      await fill(1, 6);
      await store.mailboxes.expunge(inbox, undefined, { force: true });
      const ids = idsOf(await listKept(store, account));
      const counts = await Promise.all([1, 2, 3].map(() => store.expunged.restore(ids, inbox)));
      expect(counts.toSorted()).toEqual([0, 0, 6]);
      expect(await store.expunged.restore(ids, inbox)).toBe(0);
      expect((await collect(store, inbox)).length).toBe(6);
      // They can be expunged and brought back again.
      await store.mailboxes.expunge(inbox, undefined, { force: true });
      expect(await store.expunged.restore(idsOf(await listKept(store, account)), inbox)).toBe(6);
      expect(await faults()).toEqual([]);
    });

    it('of a deleted mailbox have its name; an account takes those of others with it only', async () => {
      await fill(1, 4);
      const { id: other } = await store.directory.create({ address: 'other@baidu.com', passwordHash: '' });
      const gone = await store.mailboxes.create(account, 'Work/Old');
      await store.mailboxes.move(inbox, [[1, 3]], gone.id);
      expect(await listKept(store, account)).toEqual([]);
      await store.mailboxes.expunge(gone.id, [[1, 1]], { force: true });
      await store.mailboxes.remove(account, 'Work/Old');
      const kept = await listKept(store, account);
      expect(kept).toMatchObject([1, 2, 3].map((uid) => ({ mailbox: 'Work/Old', uidValidity: gone.uidValidity, uid })));
      const theirs = await mailboxId(store, other, 'INBOX');
      expect(await store.expunged.restore(idsOf(kept), theirs)).toBe(0);
      const again = await store.mailboxes.create(account, 'Work/Old');
      expect(await store.expunged.restore(idsOf(kept.slice(0, 2)), again.id)).toBe(2);
      await expect(store.expunged.restore(idsOf(kept), gone.id)).rejects.toThrow('no longer exists');
      expect(await faults()).toEqual([]);
      const contents = kept.map(({ content }) => content);
      await store.directory.remove(account);
      await vi.waitFor(async () => {
        for (const content of contents) await expect(store.content.read(content)).rejects.toThrow();
      });
      expect(await listKept(store, account)).toEqual([]);
      expect(await faults()).toEqual([]);
    });

    it('stay over a restart, and go with their octets when their time is over', async () => {
      const [first = 0, second = 0] = await fill(1, 3);
      await store.mailboxes.copy(inbox, [[2, 2]], await mailboxId(store, account, 'Trash'));
      await store.mailboxes.expunge(inbox, [[1, 2]], { force: true });
      under = await under.reopen();
      store = under.store;
      expect((await listKept(store, account)).length).toBe(2);
      // Nobody has said how long: nothing new is kept, and nothing that is goes.
      await store.mailboxes.expunge(inbox, undefined, { force: true });
      expect((await listKept(store, account)).length).toBe(2);
      expect((await store.content.read(first)).length).toBeGreaterThan(0);
      store.expunged.keepFor(DAY);
      expect((await listKept(store, account)).length).toBe(2);
      store.expunged.keepFor(0);
      await vi.waitFor(async () => {
        expect(await listKept(store, account)).toEqual([]);
        await expect(store.content.read(first)).rejects.toThrow();
      });
      expect((await store.content.read(second)).length).toBeGreaterThan(0);
      expect((await store.mailboxes.changes(inbox, 1)).vanished).toEqual([1, 2, 3]);
      expect(await faults()).toEqual([]);
    });
  });
}
