/**
 * What every backend must guarantee for checks of its store. Part of the conformance suite: a backend calls
 * `checkConformance` with a factory, and tests by itself that it finds what was damaged in its own way.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import { checkStore } from '../../src/maintenance/check/check.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import type { Store } from '../../src/store/store.ts';
import { collect, mailboxId, type StoreUnderTest } from './conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from './samples.ts';

export function checkConformance(backend: string, open: () => Promise<StoreUnderTest>): void {
  describe(`a check of the ${backend} store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let account: Account;

    beforeEach(async () => {
      under = await open();
      store = under.store;
      account = await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    });
    afterEach(() => under.close());

    const fill = async (count: number): Promise<Id[]> => {
      const contents: Id[] = [];
      for (let i = 0; i < count; i += 1) {
        const deliveries = [toInbox(account.id), { ...toInbox(account.id), mailbox: { name: 'Sent' } }];
        const acceptance = sampleAcceptance(`C${i}`, { deliveries, queued: [queuedFor('w@qq.com')] });
        contents.push((await store.accept({ ...acceptance, index: null })).content);
      }
      return contents;
    };
    const listed = async (): Promise<Id[]> => {
      const contents: Id[] = [];
      for await (const some of store.check.contents()) contents.push(...some);
      return contents;
    };

    it('lists each content once, while something refers to it', async () => {
      const contents = await fill(5);
      expect((await listed()).sort()).toEqual(contents.toSorted());
      await store.queue.remove({});
      await store.directory.remove(account.id);
      expect(await listed()).toEqual([]);
    });

    it('finds nothing wrong, whatever was done', async () => {
      await fill(5);
      const inbox = await mailboxId(store, account.id, 'INBOX');
      await store.mailboxes.store(inbox, [[1, 3]], { op: 'add', flags: ['\\Deleted', '\\Seen', 'Work'] });
      await store.mailboxes.expunge(inbox, [[2, 2]]);
      await store.queue.hold({ queueIds: ['C3'] });
      for (const repair of [null, store]) {
        const { searchText } = store.mailboxes;
        const tally = { done: 0, of: 0, octets: 0 };
        const inspections = await checkStore({ source: store, repair, isServed: false, searchText, tally }, () => {});
        expect(inspections.flatMap(({ findings }) => findings)).toEqual([]);
        const counts = new Map(inspections.map(({ name, checked }) => [name, checked]));
        expect(['messages', 'contents', 'queue items'].map((name) => counts.get(name))).toEqual([9, 5, 5]);
      }
    });

    it('counts a mailbox anew as it was, and replaces an index', async () => {
      const [content = 0] = await fill(2);
      const inbox = await mailboxId(store, account.id, 'INBOX');
      const before = await store.transfer.mailboxRecords(account.id);
      await store.check.recount(inbox);
      expect(await store.transfer.mailboxRecords(account.id)).toEqual(before);
      const index = indexMessage(Buffer.from('Subject: another\r\nDate: Fri, 20 Nov 2026 22:00:00 +0800\r\n\r\n'));
      expect(await store.check.putIndex(content, index)).toBe(true);
      expect((await store.transfer.contentRecords([content]))[0]?.index).toEqual(index);
      const [row] = await collect(store, inbox, { envelope: true });
      expect(row).toMatchObject({ envelope: index.envelope, sentAt: index.sentAt });
    });
  });
}
