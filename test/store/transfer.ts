/**
 * What every backend must guarantee for mail that comes from another store. Part of the conformance suite: a backend
 * calls `transferConformance` with a factory.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import type { Mailbox } from '../../src/mail/mailbox.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import { MailboxError } from '../../src/store/mailboxes.ts';
import type { Store } from '../../src/store/store.ts';
import type { ContentRecord, ItemRecord, MailboxRecord, MessageRecord } from '../../src/store/transfer.ts';
import { collect, listQueue, type StoreUnderTest } from './conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from './samples.ts';

const ACCOUNT = {
  address: 'xixi@baidu.com',
  passwordHash: '{PLAIN}x',
  disabled: true,
  quota: 5_000_000,
  forwarding: { targets: ['far@example.org', 'xixi@baidu.com'], keep: true },
  createdAt: 1_700_000_000_000,
};

const mailboxOf = (account: Id, name: string, uidValidity: number): MailboxRecord => ({
  account,
  name,
  specialUse: '',
  uidValidity,
  uidNext: 1,
  highestModseq: 1,
  recentFrom: 1,
  forgotten: 0,
});

const octetsOf = (queueId: string): Buffer =>
  Buffer.from(`Subject: ${queueId}\r\nDate: Fri, 20 Nov 2026 22:00:00 +0800\r\n\r\nbody of ${queueId}\r\n`);

const recordOf = (queueId: string, octets: Uint8Array): ContentRecord => ({
  queueId,
  size: octets.length,
  arrivedAt: 1_600_000_000_000,
  envelope: { reversePath: 'sender@example.org', ret: 'HDRS', envid: 'e=3D1', smtputf8: true, body: '7BIT' },
  index: indexMessage(octets),
});

const messageOf = (uid: number, modseq: number, content: Id, flags: readonly string[] = []): MessageRecord => ({
  uid,
  modseq,
  flags,
  internalDate: 1_650_000_000_000 + uid,
  size: 300 + uid,
  prefix: 'Delivered-To: xixi@baidu.com\r\n',
  content,
  sentAt: 1_640_000_000_000,
});

const itemOf = (recipient: string, more: Partial<ItemRecord> = {}): ItemRecord => ({
  ...queuedFor(recipient),
  reversePath: 'sender@example.org',
  ret: 'HDRS',
  envid: 'e=3D1',
  smtputf8: true,
  body: '7BIT',
  dueAt: 1_800_000_000_000,
  attempts: 3,
  warned: true,
  lastReply: { code: 450, enhanced: '4.2.0', text: 'later' },
  ...more,
  state: more.state ?? 'deferred',
});

export function transferConformance(backend: string, open: () => Promise<StoreUnderTest>): void {
  describe(`a transfer into the ${backend} store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let account: Account;
    let inbox: Mailbox;

    beforeEach(async () => {
      under = await open();
      store = under.store;
      account = await store.transfer.putAccount(ACCOUNT);
      inbox = await store.transfer.putMailbox(mailboxOf(account.id, 'INBOX', 1234));
    });
    afterEach(() => under.close());

    const reopen = async (): Promise<void> => {
      under = await under.reopen();
      store = under.store;
    };
    const put = (queueId: string): Promise<Id> => {
      const bytes = octetsOf(queueId);
      return store.transfer.putContent(recordOf(queueId, bytes), { kind: 'inline', bytes });
    };
    const recordsOf = async (id: Id = inbox.id) =>
      (await store.transfer.mailboxRecords(account.id)).find((mailbox) => mailbox.id === id);
    const items = async (): Promise<unknown[]> =>
      (await listQueue(store)).map(({ id, content, active, queueId, size, arrivedAt, ...item }) => item);

    it('makes an account without mailboxes, and makes it equal', async () => {
      expect(account).toEqual({ ...ACCOUNT, id: account.id });
      expect(await store.directory.find('XIXI@baidu.com')).toEqual(account);
      const changed = {
        ...ACCOUNT,
        passwordHash: '{PLAIN}y',
        disabled: false,
        quota: 0,
        forwarding: null,
        createdAt: 5,
      };
      expect(await store.transfer.putAccount({ ...changed, address: 'Xixi@Baidu.com' })).toEqual({
        ...changed,
        id: account.id,
      });
      await reopen();
      expect(await store.directory.list()).toEqual([{ ...changed, id: account.id }]);
      expect(await store.transfer.mailboxRecords(account.id)).toEqual([expect.objectContaining({ name: 'INBOX' })]);
    });

    it('makes a mailbox by its UIDVALIDITY, renames it, and lets its counters grow only', async () => {
      const record: MailboxRecord = {
        ...mailboxOf(account.id, '收件箱/工作', 77),
        specialUse: '\\Archive',
        uidNext: 50,
        highestModseq: 90,
        recentFrom: 40,
        forgotten: 30,
      };
      const made = await store.transfer.putMailbox(record);
      expect(made).toMatchObject({ name: '收件箱/工作', uidValidity: 77, uidNext: 50, highestModseq: 90 });
      const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
      expect(await recordsOf(made.id)).toEqual({ ...record, id: made.id, ...counts });
      // A superior is not made: its source has none.
      expect(await store.mailboxes.find(account.id, '收件箱')).toBeNull();
      const lower = { ...record, name: 'work', uidNext: 1, highestModseq: 1, recentFrom: 1, forgotten: 0 };
      expect(await store.transfer.putMailbox({ ...lower, specialUse: '' })).toMatchObject({
        id: made.id,
        name: 'work',
      });
      await reopen();
      expect(await recordsOf(made.id)).toEqual({ ...record, name: 'work', specialUse: '', id: made.id, ...counts });
      await expect(store.transfer.putMailbox({ ...record, name: 'inbox' })).rejects.toSatisfy(
        (error) => error instanceof MailboxError && error.reason === 'alreadyexists',
      );
    });

    it('makes mailboxes that have the same UIDVALIDITY, where it is told which is which', async () => {
      const contents = await Promise.all(['a', 'b', 'c'].map(put));
      const sent = await store.transfer.putMailbox(mailboxOf(account.id, 'Sent', 1234), null);
      const trash = await store.transfer.putMailbox(mailboxOf(account.id, 'Trash', 1234), null);
      expect(sent).toMatchObject({ name: 'Sent', uidValidity: 1234 });
      for (const [i, { id }] of [inbox, sent, trash].entries())
        await store.transfer.putMessages(id, [messageOf(1, i + 2, contents[i] ?? '')]);
      const renamed = { ...mailboxOf(account.id, 'sent', 1234), uidNext: 2, highestModseq: 5 };
      expect(await store.transfer.putMailbox(renamed, sent.id)).toMatchObject({
        id: sent.id,
        name: 'sent',
        uidNext: 2,
      });
      await reopen();
      for (const [i, { id, name }] of [inbox, { ...sent, name: 'sent' }, trash].entries()) {
        expect(await store.mailboxes.find(account.id, name)).toMatchObject({ id, uidValidity: 1234 });
        const [row, ...more] = await collect(store, id);
        expect([row?.content, row?.modseq, more]).toEqual([contents[i], i + 2, []]);
      }
      await store.mailboxes.remove(account.id, 'sent');
      expect((await store.mailboxes.list(account.id)).map(({ id }) => id)).toEqual([inbox.id, trash.id]);
      expect(await collect(store, trash.id)).toHaveLength(1);
    });

    it('renames even INBOX, so that another mailbox can have its name', async () => {
      await store.transfer.putMailbox(mailboxOf(account.id, 'aside', 1234));
      const other = await store.transfer.putMailbox(mailboxOf(account.id, 'INBOX', 1235));
      await store.mailboxes.remove(account.id, 'aside');
      expect((await store.mailboxes.list(account.id)).map(({ id }) => id)).toEqual([other.id]);
    });

    it('gives no UIDVALIDITY that the other store can have given', async () => {
      const given = await store.transfer.uidValidity();
      expect(given).toBeGreaterThanOrEqual(1234);
      await store.transfer.raiseUidValidity(4_100_000_000);
      await store.transfer.raiseUidValidity(5);
      await reopen();
      expect(await store.transfer.uidValidity()).toBe(4_100_000_000);
      expect((await store.mailboxes.create(account.id, 'new')).uidValidity).toBeGreaterThan(4_100_000_000);
    });

    it('puts a content once, which can be read at once, and knows all of it', async () => {
      const content = await put('A1');
      expect(await put('A1')).toEqual(content);
      expect(await store.transfer.contentsOf(['none', 'A1'])).toEqual([null, content]);
      expect((await store.content.read(content)).equals(octetsOf('A1'))).toBe(true);
      await store.transfer.putMessages(inbox.id, [messageOf(1, 2, content)]);
      await reopen();
      expect(await store.transfer.contentRecords([content])).toEqual([recordOf('A1', octetsOf('A1'))]);
      const [row] = await collect(store, inbox.id, { envelope: true, bodyStructure: true, root: true, search: true });
      const { envelope, bodyStructure, root, search } = indexMessage(octetsOf('A1'));
      expect(row).toMatchObject({ content, envelope, bodyStructure, root, search });
      expect(await store.mailboxes.unprepared(10)).toEqual([content]);
    });

    it('puts a long content from a spool, and discards the spool of one that is there', async () => {
      const bytes = Buffer.alloc(2 * CHUNK_SIZE + 99, 'Subject: x\r\n\r\nlong ');
      const put = async (): Promise<Id> => {
        const spool = store.content.spool();
        await spool.write(bytes);
        return store.transfer.putContent(recordOf('L1', bytes), await spool.finish());
      };
      const content = await put();
      expect(await put()).toEqual(content);
      await store.transfer.putMessages(inbox.id, [messageOf(1, 2, content)]);
      expect(await put()).toEqual(content);
      await reopen();
      expect((await store.content.read(content)).equals(bytes)).toBe(true);
      expect((await store.transfer.contentRecords([content]))[0]?.size).toBe(bytes.length);
    });

    it('a content whose last row goes is put anew, or again as it was', async () => {
      const first = await put('A1');
      await store.transfer.putMessages(inbox.id, [messageOf(1, 2, first)]);
      await store.transfer.removeMessages(inbox.id, [1], 3);
      const again = await put('A1');
      await store.transfer.putMessages(inbox.id, [messageOf(2, 4, again)]);
      await reopen();
      expect((await store.content.read(again)).equals(octetsOf('A1'))).toBe(true);
      expect((await collect(store, inbox.id)).map(({ uid, content }) => [uid, content])).toEqual([[2, again]]);
    });

    it('puts rows with UIDs, MODSEQs and flags as they were, in any order, and counts them', async () => {
      const [a, b] = [await put('A1'), await put('B1')];
      const rows = [
        messageOf(3, 4, a, ['\\Seen', 'Work', '$Junk']),
        messageOf(7, 2, b, ['\\Deleted']),
        messageOf(9, 8, a),
      ];
      await store.transfer.putMessages(inbox.id, [...rows.slice(1), ...rows.slice(0, 1)]);
      await store.transfer.putMessages(inbox.id, rows);
      await reopen();
      expect(await collect(store, inbox.id)).toEqual(rows);
      const counts = { messages: 3, unseen: 2, deleted: 1, size: 303 + 307 + 309 };
      // Its own counters say what is complete: they are putMailbox's.
      expect(await recordsOf()).toMatchObject({ ...counts, uidNext: 1, highestModseq: 1 });
      await store.transfer.putMailbox({
        ...mailboxOf(account.id, 'INBOX', 1234),
        uidNext: 12,
        highestModseq: 20,
        recentFrom: 8,
      });
      expect(await store.mailboxes.status(inbox.id)).toMatchObject({
        ...counts,
        uidNext: 12,
        highestModseq: 20,
        recent: 1,
      });
      const snapshot = await store.mailboxes.open(inbox.id, { claimRecent: false });
      expect([...snapshot.uids]).toEqual([3, 7, 9]);
      expect(snapshot.recentFrom).toBe(8);
      // The next message continues where the other store had stopped.
      await store.directory.update(account.id, { quota: 0 });
      const { appended } = await store.accept(sampleAcceptance('N1', { deliveries: [toInbox(account.id)] }));
      expect(appended).toEqual([{ mailbox: inbox.id, uid: 12, uidValidity: 1234 }]);
      expect((await store.mailboxes.status(inbox.id)).highestModseq).toBe(21);
    });

    it('makes flags and MODSEQ of a row equal', async () => {
      const content = await put('A1');
      await store.transfer.putMessages(inbox.id, [
        messageOf(1, 2, content, ['\\Seen', 'Old']),
        messageOf(2, 3, content),
      ]);
      await store.transfer.putMessages(inbox.id, [
        messageOf(1, 9, content, ['\\Deleted', 'New']),
        messageOf(2, 3, content),
      ]);
      expect((await collect(store, inbox.id)).map(({ uid, modseq, flags }) => [uid, modseq, flags])).toEqual([
        [1, 9, ['\\Deleted', 'New']],
        [2, 3, []],
      ]);
      expect(await recordsOf()).toMatchObject({ messages: 2, unseen: 2, deleted: 1, size: 301 + 302 });
    });

    it('refuses rows of a content that is not there, all or none', async () => {
      const rows = [messageOf(2, 4, await put('A1')), messageOf(3, 5, 999_999)];
      await expect(store.transfer.putMessages(inbox.id, rows)).rejects.toThrow('no longer in the store');
      await expect(store.transfer.putItems(999_999, [itemOf('t@qq.com')])).rejects.toThrow('no longer in the store');
      await store.transfer.putItems(999_999, []);
      expect(await recordsOf()).toMatchObject({ messages: 0, size: 0 });
      expect(await items()).toEqual([]);
    });

    it('removes rows and records their expunge, also of UIDs that it never had', async () => {
      const content = await put('A1');
      await store.transfer.putMessages(
        inbox.id,
        [1, 2, 3, 4].map((uid) => messageOf(uid, uid + 1, content, ['\\Deleted'])),
      );
      await store.transfer.putMailbox({
        ...mailboxOf(account.id, 'INBOX', 1234),
        uidNext: 5,
        highestModseq: 5,
        forgotten: 5,
      });
      await store.transfer.removeMessages(inbox.id, [3, 1], 8);
      await store.transfer.removeMessages(inbox.id, [6, 1], 8);
      await store.transfer.putMailbox({ ...mailboxOf(account.id, 'INBOX', 1234), uidNext: 8, highestModseq: 8 });
      await reopen();
      expect((await collect(store, inbox.id)).map(({ uid }) => uid)).toEqual([2, 4]);
      expect(await recordsOf()).toMatchObject({ messages: 2, deleted: 2, unseen: 2, size: 302 + 304 });
      expect((await store.mailboxes.changes(inbox.id, 5)).vanished).toEqual([1, 3, 6]);
      expect((await store.mailboxes.changes(inbox.id, 8)).vanished).toEqual([]);
      // What was expunged before the copy is not known one by one.
      expect((await store.mailboxes.changes(inbox.id, 4)).vanished).toEqual([1, 3, 5, 6, 7]);
    });

    it('makes the items of a content equal', async () => {
      const content = await put('Q1');
      const [held, tried, fresh] = [
        itemOf('h@qq.com', {
          state: 'hold',
          client: { name: 'n', ident: 'A', source: 'LOCAL' },
          verp: '-=',
          reports: true,
        }),
        itemOf('t@qq.com'),
        itemOf('f@qq.com', { state: 'incoming', attempts: 0, warned: false, lastReply: null, notify: [], orcpt: '' }),
      ];
      await store.transfer.putItems(content, [held, tried, fresh]);
      await store.transfer.putItems(content, [held, tried, fresh]);
      await reopen();
      expect(await items()).toEqual([held, tried, fresh]);
      expect((await listQueue(store))[0]).toMatchObject({
        queueId: 'Q1',
        content,
        size: octetsOf('Q1').length,
        arrivedAt: 1_600_000_000_000,
        active: false,
      });
      const again = {
        ...tried,
        attempts: 4,
        dueAt: 1_800_000_900_000,
        lastReply: { code: 451, enhanced: '', text: 'no' },
      };
      await store.transfer.putItems(content, [again]);
      expect(await items()).toEqual([again]);
      expect(await store.queue.claim({ now: 2e12, limit: 5, leaseMs: 1000, exclude: [] })).toHaveLength(1);
      expect((await store.content.read(content)).equals(octetsOf('Q1'))).toBe(true);
      await store.transfer.putItems(content, []);
      expect(await items()).toEqual([]);
      await expect(store.content.read(content)).rejects.toThrow('no longer in the store');
    });

    it('a content with rows and items stays until the last of them goes', async () => {
      const content = await put('Q1');
      await store.transfer.putItems(content, [itemOf('t@qq.com')]);
      await store.transfer.putMessages(inbox.id, [messageOf(1, 2, content), messageOf(2, 3, content)]);
      await store.transfer.removeMessages(inbox.id, [1], 4);
      await store.transfer.putItems(content, []);
      expect((await store.content.read(content)).equals(octetsOf('Q1'))).toBe(true);
      await store.transfer.removeMessages(inbox.id, [2], 5);
      await expect(store.content.read(content)).rejects.toThrow('no longer in the store');
    });

    it('remembers that it is a copy, until it is a store of its own', async () => {
      expect(await store.transfer.copyMark()).toBeNull();
      await store.transfer.markCopy({ of: 'sqlite:/old', complete: false });
      await store.transfer.markCopy({ of: 'sqlite:/old', complete: true });
      await reopen();
      expect(await store.transfer.copyMark()).toEqual({ of: 'sqlite:/old', complete: true });
      await store.transfer.markCopy(null);
      expect(await store.transfer.copyMark()).toBeNull();
    });

    it('reads its own records of mail that was accepted', async () => {
      const { id } = await store.directory.create({ address: 'haha@baidu.com', passwordHash: 'h' });
      const bytes = octetsOf('R1');
      const { content } = await store.accept({
        ...sampleAcceptance('R1', { bytes, deliveries: [toInbox(id)], queued: [queuedFor('w@qq.com')] }),
        index: null,
      });
      expect(await store.transfer.contentRecords([content])).toEqual([
        {
          ...recordOf('R1', bytes),
          arrivedAt: 1_795_000_001_000,
          envelope: { reversePath: 'sender@example.org', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
        },
      ]);
      const records = await store.transfer.mailboxRecords(id);
      expect(records.find(({ name }) => name === 'INBOX')).toMatchObject({
        account: id,
        uidNext: 2,
        messages: 1,
        unseen: 1,
        recentFrom: 1,
      });
      expect(Math.max(...records.map(({ uidValidity }) => uidValidity))).toBe(await store.transfer.uidValidity());
    });
  });
}
