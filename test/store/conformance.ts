/**
 * What every store backend must guarantee. The test file of a backend only has to call `storeConformance` with a
 * factory.
 */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import type { Change } from '../../src/mail/change.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../src/store/content.ts';
import type { MessageRow, RowColumns, UidRanges } from '../../src/store/mailboxes.ts';
import { MailboxError, NO, type TextKey, UNKNOWN, YES } from '../../src/store/mailboxes.ts';
import type { PluginStates } from '../../src/store/plugin-states.ts';
import type { QueueItem } from '../../src/store/queue.ts';
import type { Store } from '../../src/store/store.ts';
import { queuedFor, sampleAcceptance, sampleIndex, toInbox } from './samples.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again, with the same data. */
  reopen(): Promise<StoreUnderTest>;
  close(): Promise<void>;
}

const ALL: UidRanges = [[1, 0xffff_ffff]];

export async function collect(
  store: Store,
  mailbox: Id,
  columns: RowColumns = {},
  uids: UidRanges = ALL,
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  for await (const batch of store.mailboxes.rows(mailbox, uids, columns)) rows.push(...batch);
  return rows;
}

export async function listQueue(store: Store, filter?: Parameters<Store['queue']['list']>[0]): Promise<QueueItem[]> {
  const items: QueueItem[] = [];
  for await (const batch of store.queue.list(filter)) items.push(...batch);
  return items;
}

export async function mailboxId(store: Store, account: Id, name: string): Promise<Id> {
  const mailbox = await store.mailboxes.find(account, name);
  if (mailbox === null) throw new Error(`no mailbox ${name}`);
  return mailbox.id;
}

export function storeConformance(backend: string, open: () => Promise<StoreUnderTest>): void {
  describe(`the ${backend} store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let account: Account;
    let inbox: Id;
    let serial = 0;

    beforeEach(async () => {
      under = await open();
      store = under.store;
      account = await store.directory.create({ address: 'Xixi@Baidu.com', passwordHash: '{PLAIN}x' });
      inbox = await mailboxId(store, account.id, 'INBOX');
      serial = 0;
    });
    afterEach(() => under.close());

    /** `count` messages in INBOX, one after the other. */
    const fill = async (count: number, flags: readonly string[] = []): Promise<Id[]> => {
      const contents: Id[] = [];
      for (let i = 0; i < count; i += 1) {
        serial += 1;
        contents.push(
          (await store.accept(sampleAcceptance(`F${serial}`, { deliveries: [toInbox(account.id, flags)] }))).content,
        );
      }
      return contents;
    };
    const reopen = async (): Promise<void> => {
      under = await under.reopen();
      store = under.store;
    };
    const refusal = (reason: MailboxError['reason']) => (error: unknown) =>
      error instanceof MailboxError && error.reason === reason;

    describe('accounts and names', () => {
      it('D5: a new account has its default mailboxes, subscribed, with their special uses', async () => {
        const mailboxes = await store.mailboxes.list(account.id);
        expect(mailboxes.map(({ name }) => name)).toEqual(['INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Trash']);
        expect(mailboxes.map(({ specialUse }) => specialUse)).toEqual([
          '',
          '\\Archive',
          '\\Drafts',
          '\\Junk',
          '\\Sent',
          '\\Trash',
        ]);
        expect(mailboxes.every(({ subscribed }) => subscribed)).toBe(true);
        expect(new Set(mailboxes.map(({ uidValidity }) => uidValidity)).size).toBe(mailboxes.length);
      });

      it('finds an account by its address in any case, also after a restart', async () => {
        expect((await store.directory.find('XIXI@baidu.COM'))?.id).toEqual(account.id);
        expect(await store.directory.find('haha@baidu.com')).toBeNull();
        await reopen();
        expect(await store.directory.find('xixi@baidu.com')).toEqual(account);
        expect(await store.directory.get(account.id)).toEqual(account);
      });

      it('refuses a second account with the same address', async () => {
        await expect(store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' })).rejects.toThrow('exists');
      });

      it('an update changes only what it names', async () => {
        await store.directory.update(account.id, { disabled: true });
        await store.directory.update(account.id, { quota: 5000 });
        expect(await store.directory.get(account.id)).toEqual({ ...account, disabled: true, quota: 5000 });
      });

      it('P12: keeps where an account forwards, over other changes, a new address and a restart, until that ends', async () => {
        expect(account.forwarding).toBeNull();
        const forwarding = { targets: ['far@example.org', 'haha@baidu.com'], keep: true };
        await store.directory.update(account.id, { forwarding });
        await store.directory.update(account.id, { quota: 5000 });
        await store.directory.rename([{ account: account.id, address: 'xixi@new.example' }]);
        const now = { ...account, address: 'xixi@new.example', quota: 5000, forwarding };
        expect(await store.directory.find('xixi@new.example')).toEqual(now);
        await reopen();
        expect(await store.directory.find('xixi@new.example')).toEqual(now);
        await store.directory.update(account.id, { forwarding: { targets: ['far@example.org'], keep: false } });
        expect((await store.directory.get(account.id))?.forwarding).toEqual({
          targets: ['far@example.org'],
          keep: false,
        });
        await store.directory.update(account.id, { forwarding: null });
        await reopen();
        expect((await store.directory.list()).map((one) => one.forwarding)).toEqual([null]);
      });

      it('renames all accounts or none: id, mail and UIDs stay', async () => {
        await fill(2);
        const other = await store.directory.create({ address: 'haha@baidu.com', passwordHash: 'h' });
        const before = await store.mailboxes.list(account.id);
        await expect(
          store.directory.rename([
            { account: other.id, address: 'haha@new.example' },
            { account: account.id, address: 'HAHA@baidu.com' },
          ]),
        ).rejects.toThrow('the account haha@baidu.com exists already');
        expect((await store.directory.list()).map(({ address }) => address)).toEqual([
          'haha@baidu.com',
          'xixi@baidu.com',
        ]);
        await store.directory.rename([
          { account: account.id, address: 'Xixi@new.example' },
          { account: other.id, address: 'haha@new.example' },
        ]);
        for (const round of ['at once', 'after a restart']) {
          expect(await store.directory.find('xixi@baidu.com'), round).toBeNull();
          expect(await store.directory.find('XIXI@new.example'), round).toEqual({
            ...account,
            address: 'xixi@new.example',
          });
          expect(await store.directory.get(account.id), round).toEqual({ ...account, address: 'xixi@new.example' });
          expect(await store.mailboxes.list(account.id), round).toEqual(before);
          await reopen();
        }
      });

      it('removes an account with its mail', async () => {
        const [content = 0] = await fill(1);
        await store.directory.remove(account.id);
        expect(await store.directory.find(account.address)).toBeNull();
        expect(await store.mailboxes.list(account.id)).toEqual([]);
        await expect(store.content.read(content)).rejects.toThrow();
        await expect(store.accept(sampleAcceptance('late', { deliveries: [toInbox(account.id)] }))).rejects.toSatisfy(
          refusal('nonexistent'),
        );
      });

      it('stores aliases and domains, and removes them', async () => {
        await store.directory.setAlias('Root@baidu.com', ['xixi@baidu.com', 'haha@baidu.com']);
        await store.directory.setAlias('@group.com', ['@baidu.com']);
        await store.directory.setDomain('Group.COM', true);
        await reopen();
        expect([...(await store.directory.aliases())]).toEqual([
          ['@group.com', ['@baidu.com']],
          ['root@baidu.com', ['xixi@baidu.com', 'haha@baidu.com']],
        ]);
        expect(await store.directory.domains()).toEqual(['group.com']);
        await store.directory.setAlias('root@baidu.com', []);
        await store.directory.setDomain('group.com', false);
        expect([...(await store.directory.aliases()).keys()]).toEqual(['@group.com']);
        expect(await store.directory.domains()).toEqual([]);
      });
    });

    describe('acceptance', () => {
      it('P13: makes content, mailbox rows and queue items durable together', async () => {
        const accepted = await store.accept(
          sampleAcceptance('A1', { deliveries: [toInbox(account.id, ['\\Flagged'])], queued: [queuedFor('w@qq.com')] }),
        );
        expect(accepted.appended).toEqual([
          { mailbox: inbox, uid: 1, uidValidity: (await store.mailboxes.status(inbox)).uidValidity },
        ]);
        await reopen();
        const [row] = await collect(store, inbox, { envelope: true, bodyStructure: true, root: true, search: true });
        const bytes = await store.content.read(accepted.content);
        expect(bytes.toString()).toBe('Subject: A1\r\n\r\nbody of A1\r\n');
        const index = sampleIndex('A1', bytes.length);
        expect(row).toEqual({
          uid: 1,
          modseq: row?.modseq,
          flags: ['\\Flagged'],
          internalDate: 1_795_000_002_000,
          size: bytes.length + 'Delivered-To: a@example.org\r\n'.length,
          prefix: 'Delivered-To: a@example.org\r\n',
          content: accepted.content,
          sentAt: index.sentAt,
          envelope: index.envelope,
          bodyStructure: index.bodyStructure,
          root: index.root,
          search: index.search,
        });
        expect(await listQueue(store)).toMatchObject([
          { queueId: 'A1', content: accepted.content, recipient: 'w@qq.com', state: 'incoming', size: bytes.length },
        ]);
      });

      it('makes the index of inline content itself if it is given none', async () => {
        const bytes = Buffer.from('Subject: =?utf-8?q?h=C3=A9?=\r\nMessage-ID: <m@example.org>\r\n\r\nbody\r\n');
        const index = indexMessage(bytes);
        const [given, made] = ['G1', 'M1'].map((id) =>
          sampleAcceptance(id, { bytes, deliveries: [toInbox(account.id)] }),
        );
        if (given === undefined || made === undefined) throw new Error('two acceptances');
        await store.accept({ ...given, index });
        for (let times = 0; times < 2; times += 1) {
          const { messageId, appended } = await store.accept({ ...made, index: null });
          expect([messageId, appended[0]?.uid]).toEqual(['<m@example.org>', 2]);
        }
        const columns = { envelope: true, bodyStructure: true, root: true, search: true };
        const [one, two] = await collect(store, inbox, columns);
        expect(one).toMatchObject({
          envelope: index.envelope,
          bodyStructure: index.bodyStructure,
          search: index.search,
        });
        expect({ ...two, uid: 1, modseq: one?.modseq, content: one?.content }).toEqual(one);
      });

      it('has no further effect if it is repeated with the same queue ID', async () => {
        const acceptance = sampleAcceptance('A1', {
          deliveries: [toInbox(account.id)],
          queued: [queuedFor('w@qq.com')],
        });
        const first = await store.accept(acceptance);
        expect(await store.accept(acceptance)).toEqual(first);
        await reopen();
        expect(await store.accept(acceptance)).toEqual(first);
        expect((await store.mailboxes.status(inbox)).messages).toBe(1);
        expect(await listQueue(store)).toHaveLength(1);
      });

      it('is one message if it is repeated at the same moment', async () => {
        const acceptance = sampleAcceptance('A1', { deliveries: [toInbox(account.id)] });
        const answers = await Promise.all(Array.from({ length: 5 }, () => store.accept(acceptance)));
        expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
        expect((await store.mailboxes.status(inbox)).messages).toBe(1);
      });

      it('accepts nothing if one mailbox refuses', async () => {
        const deliveries = [toInbox(account.id), { ...toInbox(account.id), mailbox: { id: 999_999 } }];
        await expect(
          store.accept(sampleAcceptance('A1', { deliveries, queued: [queuedFor('w@qq.com')] })),
        ).rejects.toSatisfy(refusal('nonexistent'));
        expect((await store.mailboxes.status(inbox)).messages).toBe(0);
        expect(await listQueue(store)).toEqual([]);
        // The refused acceptance has not used its queue ID.
        await store.accept(sampleAcceptance('A1', { deliveries: [toInbox(account.id)] }));
        expect((await store.mailboxes.status(inbox)).uidNext).toBe(2);
      });

      it('a failing acceptance does not affect others of the same moment', async () => {
        const wrong = { ...toInbox(account.id), mailbox: { id: 999_999 } };
        const answers = await Promise.allSettled(
          Array.from({ length: 30 }, (_, i) =>
            store.accept(sampleAcceptance(`N${i}`, { deliveries: [i % 3 === 0 ? wrong : toInbox(account.id)] })),
          ),
        );
        expect(answers.map(({ status }) => status)).toEqual(
          answers.map((_, i) => (i % 3 === 0 ? 'rejected' : 'fulfilled')),
        );
        const rows = await collect(store, inbox);
        expect(rows.map(({ uid }) => uid)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
        expect((await store.mailboxes.status(inbox)).messages).toBe(20);
      });

      it('creates a missing mailbox that it names, and its superiors', async () => {
        await store.accept(
          sampleAcceptance('A1', { deliveries: [{ ...toInbox(account.id), mailbox: { name: 'inbox/lists/node' } }] }),
        );
        const names = (await store.mailboxes.list(account.id)).map(({ name }) => name);
        expect(names).toContain('INBOX/lists');
        expect((await store.mailboxes.status(await mailboxId(store, account.id, 'INBOX/lists/node'))).messages).toBe(1);
      });

      it('refuses a message above the account quota with overquota', async () => {
        await store.directory.update(account.id, { quota: 1000 });
        const big = { bytes: Buffer.alloc(600, 'x'), deliveries: [toInbox(account.id)] };
        await store.accept(sampleAcceptance('A1', big));
        await expect(store.accept(sampleAcceptance('A2', big))).rejects.toSatisfy(refusal('overquota'));
        await expect(store.mailboxes.copy(inbox, ALL, await mailboxId(store, account.id, 'Sent'))).rejects.toSatisfy(
          refusal('overquota'),
        );
        await store.mailboxes.move(inbox, ALL, await mailboxId(store, account.id, 'Trash'));
        await store.mailboxes.expunge(await mailboxId(store, account.id, 'Trash'), undefined, { force: true });
        await store.accept(sampleAcceptance('A3', big));
      });

      it('delivers a queued message later, once per recipient however often it is tried', async () => {
        const { content } = await store.accept(
          sampleAcceptance('A1', { queued: [queuedFor('xixi@baidu.com'), queuedFor('haha@baidu.com')] }),
        );
        const first = await store.deliver(content, 'A1', [toInbox(account.id)]);
        expect(await store.deliver(content, 'A1', [toInbox(account.id)])).toEqual(first);
        await store.deliver(content, 'A1', [{ ...toInbox(account.id), prefix: 'Delivered-To: haha@baidu.com\r\n' }]);
        expect((await store.mailboxes.status(inbox)).messages).toBe(2);
        await store.queue.remove({});
        expect((await store.content.read(content)).length).toBeGreaterThan(0);
        await expect(store.deliver(999_999, 'A1', [toInbox(account.id)])).rejects.toThrow();
      });
    });

    describe('content', () => {
      it.each([0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 12_345])(
        'stores %i octets unchanged',
        async (size) => {
          const bytes = Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255));
          const spool = store.content.spool();
          for (let at = 0; at < size; at += 70_001) await spool.write(bytes.subarray(at, at + 70_001));
          const draft: ContentDraft = await spool.finish();
          const { content } = await store.accept({
            ...sampleAcceptance('S1', { deliveries: [toInbox(account.id)] }),
            content: draft,
          });
          expect((await store.content.read(content)).equals(bytes)).toBe(true);
          const [start, end] = [Math.floor(size / 3), Math.floor((size * 3) / 4)];
          expect((await store.content.read(content, start, end)).equals(bytes.subarray(start, end))).toBe(true);
          const pieces: Buffer[] = [];
          for await (const piece of store.content.stream(content, start)) pieces.push(piece);
          expect(Buffer.concat(pieces).equals(bytes.subarray(start))).toBe(true);
          expect(pieces.every((piece) => piece.length <= CHUNK_SIZE)).toBe(true);
          expect((await collect(store, inbox))[0]?.size).toBe(size + 29);
        },
      );

      it('stores an inline draft that is longer than a chunk', async () => {
        const bytes = Buffer.alloc(CHUNK_SIZE * 2 + 77, 'abcdefg');
        const { content } = await store.accept(sampleAcceptance('I1', { bytes, deliveries: [toInbox(account.id)] }));
        expect((await store.content.read(content)).equals(bytes)).toBe(true);
        expect(
          (await store.content.read(content, CHUNK_SIZE - 3, CHUNK_SIZE + 3)).equals(
            bytes.subarray(CHUNK_SIZE - 3, CHUNK_SIZE + 3),
          ),
        ).toBe(true);
      });

      it('reads nothing beyond its end', async () => {
        const [content = 0] = await fill(1);
        const whole = await store.content.read(content);
        expect((await store.content.read(content, 0, 1e9)).equals(whole)).toBe(true);
        expect(await store.content.read(content, 1e9)).toHaveLength(0);
        expect(await store.content.read(content, 5, 3)).toHaveLength(0);
      });

      it('does not accept a spool twice, nor a discarded one', async () => {
        const spool = store.content.spool();
        await spool.write(Buffer.alloc(CHUNK_SIZE + 1, 'x'));
        const draft = await spool.finish();
        await store.accept({ ...sampleAcceptance('S1', { deliveries: [toInbox(account.id)] }), content: draft });
        await expect(
          store.accept({ ...sampleAcceptance('S2', { deliveries: [toInbox(account.id)] }), content: draft }),
        ).rejects.toThrow();
        const other = store.content.spool();
        await other.write(Buffer.alloc(CHUNK_SIZE + 1, 'x'));
        const gone = await other.finish();
        await other.discard();
        await expect(
          store.accept({ ...sampleAcceptance('S3', { deliveries: [toInbox(account.id)] }), content: gone }),
        ).rejects.toThrow();
        expect((await store.mailboxes.status(inbox)).messages).toBe(1);
      });

      it('is shared by all recipients and deleted with the last reference', async () => {
        const other = await store.directory.create({ address: 'haha@baidu.com', passwordHash: '' });
        const { content } = await store.accept(
          sampleAcceptance('A1', {
            deliveries: [toInbox(account.id), toInbox(other.id)],
            queued: [queuedFor('w@qq.com')],
          }),
        );
        await store.mailboxes.copy(inbox, ALL, await mailboxId(store, account.id, 'Archive'));
        await store.mailboxes.expunge(inbox, ALL, { force: true });
        await store.mailboxes.remove(account.id, 'Archive');
        await store.mailboxes.expunge(await mailboxId(store, other.id, 'INBOX'), ALL, { force: true });
        expect((await store.content.read(content)).toString()).toContain('body of A1');
        const [item] = await store.queue.claim({ now: 2e12, limit: 5, leaseMs: 1000, exclude: [] });
        await store.queue.settle([{ item: item?.id ?? 0, outcome: 'done' }]);
        await expect(store.content.read(content)).rejects.toThrow('no longer in the store');
      });
    });

    describe('mailboxes', () => {
      it('creates missing superiors and refuses invalid names', async () => {
        await store.mailboxes.create(account.id, 'a/b/c/', '\\Archive');
        expect((await store.mailboxes.find(account.id, 'a/b/c'))?.specialUse).toBe('\\Archive');
        expect(await store.mailboxes.find(account.id, 'a')).not.toBeNull();
        await expect(store.mailboxes.create(account.id, 'a/b')).rejects.toSatisfy(refusal('alreadyexists'));
        await expect(store.mailboxes.create(account.id, 'iNbOx')).rejects.toSatisfy(refusal('alreadyexists'));
        for (const name of [
          '',
          '/',
          'a//b',
          '/a',
          'a\u0000b',
          'line\r\nbreak',
          '\ud800',
          'x'.repeat(2000),
          Array(60).fill('d').join('/'),
        ]) {
          await expect(store.mailboxes.create(account.id, name)).rejects.toSatisfy(refusal('cannot'));
        }
      });

      it('distinguishes names in other scripts and in other case', async () => {
        await store.mailboxes.create(account.id, '收件箱/工作');
        await store.mailboxes.create(account.id, 'sent');
        expect(await store.mailboxes.find(account.id, '收件箱/工作')).not.toBeNull();
        expect((await store.mailboxes.find(account.id, 'sent'))?.id).not.toEqual(
          (await store.mailboxes.find(account.id, 'Sent'))?.id,
        );
      });

      it('never reuses a UIDVALIDITY for a name that is created again', async () => {
        const seen = new Set<number>();
        for (let i = 0; i < 5; i += 1) {
          seen.add((await store.mailboxes.create(account.id, 'again')).uidValidity);
          await store.mailboxes.remove(account.id, 'again');
          if (i === 2) await reopen();
        }
        expect(seen.size).toBe(5);
        expect([...seen]).toEqual([...seen].sort((x, y) => x - y));
      });

      it('renames with inferiors, and creates superiors of the new name', async () => {
        const { id } = await store.mailboxes.create(account.id, 'work/2026/may');
        await store.mailboxes.rename(account.id, 'work', 'old/jobs');
        expect((await store.mailboxes.find(account.id, 'old/jobs/2026/may'))?.id).toEqual(id);
        expect(await store.mailboxes.find(account.id, 'work')).toBeNull();
        expect(await store.mailboxes.find(account.id, 'old')).not.toBeNull();
        await expect(store.mailboxes.rename(account.id, 'work', 'x')).rejects.toSatisfy(refusal('nonexistent'));
        await expect(store.mailboxes.rename(account.id, 'old', 'Sent')).rejects.toSatisfy(refusal('alreadyexists'));
        await expect(store.mailboxes.rename(account.id, 'old', 'old/jobs/new')).rejects.toSatisfy(refusal('cannot'));
      });

      it('renaming INBOX moves its messages and leaves it empty', async () => {
        await fill(3, ['\\Seen', 'Work']);
        await store.mailboxes.rename(account.id, 'INBOX', 'kept');
        expect((await store.mailboxes.status(inbox)).messages).toBe(0);
        const kept = await collect(store, await mailboxId(store, account.id, 'kept'));
        expect(kept.map(({ uid, flags }) => [uid, flags])).toEqual([1, 2, 3].map((uid) => [uid, ['\\Seen', 'Work']]));
        expect((await store.mailboxes.changes(inbox, 1)).vanished).toEqual([1, 2, 3]);
      });

      it('removes a mailbox and keeps its inferiors; INBOX cannot be removed', async () => {
        await store.mailboxes.create(account.id, 'a/b');
        await store.mailboxes.remove(account.id, 'a');
        expect(await store.mailboxes.find(account.id, 'a')).toBeNull();
        expect(await store.mailboxes.find(account.id, 'a/b')).not.toBeNull();
        await expect(store.mailboxes.remove(account.id, 'inbox')).rejects.toSatisfy(refusal('cannot'));
        await expect(store.mailboxes.remove(account.id, 'a')).rejects.toSatisfy(refusal('nonexistent'));
      });

      it('keeps the subscription of a name without a mailbox', async () => {
        await store.mailboxes.create(account.id, 'list');
        await store.mailboxes.subscribe(account.id, 'list', true);
        await store.mailboxes.remove(account.id, 'list');
        expect(await store.mailboxes.subscriptions(account.id)).toContain('list');
        await store.mailboxes.create(account.id, 'list');
        expect((await store.mailboxes.find(account.id, 'list'))?.subscribed).toBe(true);
        await store.mailboxes.subscribe(account.id, 'list', false);
        expect(await store.mailboxes.subscriptions(account.id)).not.toContain('list');
      });

      it('opens a consistent snapshot', async () => {
        await fill(2, ['\\Seen']);
        await fill(2, ['$Forwarded', '\\Deleted']);
        await store.mailboxes.expunge(inbox, [[1, 1]], { force: true });
        const snapshot = await store.mailboxes.open(inbox, { claimRecent: false });
        expect([...snapshot.uids]).toEqual([2, 3, 4]);
        expect(snapshot.firstUnseen).toBe(3);
        expect(snapshot.keywords).toEqual(['$Forwarded']);
        expect(snapshot.mailbox).toMatchObject({ messages: 3, unseen: 2, deleted: 2, uidNext: 5, recent: 3 });
        expect(snapshot.mailbox.size).toBe((await collect(store, inbox)).reduce((sum, { size }) => sum + size, 0));
        await expect(store.mailboxes.open(999_999, { claimRecent: false })).rejects.toSatisfy(refusal('nonexistent'));
      });

      it('reports recent messages to one session only, and EXAMINE claims none', async () => {
        await fill(2);
        expect((await store.mailboxes.open(inbox, { claimRecent: false })).recentFrom).toBe(1);
        const both = await Promise.all([1, 2].map(() => store.mailboxes.open(inbox, { claimRecent: true })));
        expect(both.map(({ recentFrom }) => recentFrom).sort()).toEqual([0, 1]);
        expect((await store.mailboxes.status(inbox)).recent).toBe(0);
        await fill(1);
        expect((await store.mailboxes.status(inbox)).recent).toBe(1);
        expect((await store.mailboxes.open(inbox, { claimRecent: true })).recentFrom).toBe(3);
        await fill(2);
        const { uidNext } = await store.mailboxes.status(inbox);
        await store.mailboxes.claimRecent(inbox, uidNext - 1);
        expect((await store.mailboxes.status(inbox)).recent).toBe(1);
        await store.mailboxes.claimRecent(inbox, 1);
        expect((await store.mailboxes.open(inbox, { claimRecent: false })).recentFrom).toBe(uidNext - 1);
      });
    });

    describe('messages', () => {
      it('returns the rows of ranges in UID order, whatever is missing', async () => {
        await fill(12);
        await store.mailboxes.expunge(inbox, [[4, 5]], { force: true });
        const ranges: UidRanges = [
          [2, 6],
          [9, 9],
          [11, Number.POSITIVE_INFINITY],
        ];
        expect((await collect(store, inbox, {}, ranges)).map(({ uid }) => uid)).toEqual([2, 3, 6, 9, 11, 12]);
        expect(await collect(store, inbox, {}, [[50, 60]])).toEqual([]);
        expect(await collect(store, inbox, {}, [])).toEqual([]);
      });

      it('returns thousands of rows in batches, each once', async () => {
        await Promise.all(
          Array.from({ length: 2600 }, (_, i) =>
            store.accept(sampleAcceptance(`B${i}`, { deliveries: [toInbox(account.id)] })),
          ),
        );
        const sizes: number[] = [];
        const uids: number[] = [];
        for await (const rows of store.mailboxes.rows(inbox, ALL, { envelope: true })) {
          sizes.push(rows.length);
          for (const { uid } of rows) uids.push(uid);
        }
        expect(uids).toEqual(Array.from({ length: 2600 }, (_, i) => i + 1));
        expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
        const odd: UidRanges = Array.from({ length: 2500 }, (_, i) => [i * 2 + 1, i * 2 + 1] as const);
        expect(await collect(store, inbox, {}, odd)).toHaveLength(1300);
      });

      it('sets, adds and removes flags under one higher MODSEQ, and skips unchanged rows', async () => {
        await fill(3);
        const before = (await store.mailboxes.status(inbox)).highestModseq;
        const added = await store.mailboxes.store(inbox, [[1, 2]], {
          op: 'add',
          flags: ['\\SEEN', '$Junk', '\\Recent', '\\Unknown'],
        });
        expect(added.changed).toEqual([1, 2].map((uid) => ({ uid, modseq: before + 1, flags: ['\\Seen', '$Junk'] })));
        expect(
          (await store.mailboxes.store(inbox, [[1, 2]], { op: 'add', flags: ['\\Seen', '$JUNK'] })).changed,
        ).toEqual([]);
        expect((await store.mailboxes.status(inbox)).highestModseq).toBe(before + 1);
        await store.mailboxes.store(inbox, [[1, 1]], { op: 'remove', flags: ['$junk'] });
        await store.mailboxes.store(inbox, [[2, 2]], { op: 'set', flags: ['\\Answered', 'later'] });
        expect((await collect(store, inbox)).map(({ flags }) => flags)).toEqual([
          ['\\Seen'],
          ['\\Answered', 'later'],
          [],
        ]);
        expect((await store.mailboxes.status(inbox)).unseen).toBe(2);
      });

      it('skips rows that have changed since, and reports them (UNCHANGEDSINCE)', async () => {
        await fill(3);
        const { highestModseq } = await store.mailboxes.status(inbox);
        await store.mailboxes.store(inbox, [[2, 2]], { op: 'add', flags: ['\\Flagged'] });
        const answer = await store.mailboxes.store(inbox, ALL, {
          op: 'add',
          flags: ['\\Seen'],
          unchangedSince: highestModseq,
        });
        expect(answer.changed.map(({ uid }) => uid)).toEqual([1, 3]);
        expect(answer.conflicts).toEqual([2]);
      });

      it('expunges the given UIDs that are \\Deleted, or all of them by force', async () => {
        await fill(5);
        await store.mailboxes.store(inbox, [[2, 4]], { op: 'add', flags: ['\\Deleted'] });
        expect((await store.mailboxes.expunge(inbox, [[1, 2]])).uids).toEqual([2]);
        expect((await store.mailboxes.expunge(inbox)).uids).toEqual([3, 4]);
        const { highestModseq } = await store.mailboxes.status(inbox);
        expect(await store.mailboxes.expunge(inbox)).toEqual({ uids: [], modseq: highestModseq });
        expect((await store.mailboxes.expunge(inbox, [[5, 5]], { force: true })).uids).toEqual([5]);
        expect([...(await store.mailboxes.open(inbox, { claimRecent: false })).uids]).toEqual([1]);
      });

      it('copies rows with flags, date and prefix, and moves them', async () => {
        await fill(3, ['\\Seen', 'Work']);
        const sent = await mailboxId(store, account.id, 'Sent');
        const copied = await store.mailboxes.copy(inbox, [[2, 3]], sent);
        expect(copied).toEqual({
          uidValidity: (await store.mailboxes.status(sent)).uidValidity,
          pairs: [
            [2, 1],
            [3, 2],
          ],
        });
        const [, original] = await collect(store, inbox, { envelope: true });
        const [copy] = await collect(store, sent, { envelope: true });
        expect({ ...copy, uid: 0, modseq: 0 }).toEqual({ ...original, uid: 0, modseq: 0 });
        const moved = await store.mailboxes.move(inbox, [[1, 2]], sent);
        expect(moved.pairs).toEqual([
          [1, 3],
          [2, 4],
        ]);
        expect(moved.modseq).toBe((await store.mailboxes.status(inbox)).highestModseq);
        expect((await collect(store, inbox)).map(({ uid }) => uid)).toEqual([3]);
        expect(await store.mailboxes.status(sent)).toMatchObject({ messages: 4, unseen: 0 });
        await expect(store.mailboxes.copy(inbox, ALL, 999_999)).rejects.toSatisfy(refusal('nonexistent'));
      });

      it('a move within one mailbox assigns new UIDs', async () => {
        await fill(2);
        const { pairs } = await store.mailboxes.move(inbox, [[1, 1]], inbox);
        expect(pairs).toEqual([[1, 3]]);
        expect((await collect(store, inbox)).map(({ uid }) => uid)).toEqual([2, 3]);
        expect((await store.mailboxes.status(inbox)).messages).toBe(2);
      });

      it('of two moves of a message at the same time one moves it', async () => {
        const contents = await fill(3);
        const [sent, trash] = [await mailboxId(store, account.id, 'Sent'), await mailboxId(store, account.id, 'Trash')];
        const moves = await Promise.all([
          store.mailboxes.move(inbox, [[1, 2]], sent),
          store.mailboxes.move(inbox, [[2, 3]], trash),
          store.mailboxes.move(inbox, [[1, 3]], sent),
        ]);
        expect(moves.flatMap(({ pairs }) => pairs.map(([uid]) => uid)).sort()).toEqual([1, 2, 3]);
        const there = [...(await collect(store, sent)), ...(await collect(store, trash))];
        expect(there.map(({ content }) => content).sort()).toEqual(contents);
        expect((await store.mailboxes.status(inbox)).messages).toBe(0);
      });

      it('returns what changed and vanished since a MODSEQ (QRESYNC)', async () => {
        await fill(6);
        const since = (await store.mailboxes.status(inbox)).highestModseq;
        expect(await store.mailboxes.changes(inbox, since)).toEqual({
          changed: [],
          vanished: [],
          highestModseq: since,
        });
        await store.mailboxes.store(inbox, [[5, 5]], { op: 'add', flags: ['\\Seen'] });
        await store.mailboxes.store(inbox, [[2, 2]], { op: 'add', flags: ['\\Seen'] });
        await store.mailboxes.expunge(inbox, [[3, 4]], { force: true });
        await store.mailboxes.expunge(inbox, [[1, 1]], { force: true });
        await fill(1);
        const { changed, vanished, highestModseq } = await store.mailboxes.changes(inbox, since);
        expect(changed.map(({ uid, flags }) => [uid, flags])).toEqual([
          [2, ['\\Seen']],
          [5, ['\\Seen']],
          [7, []],
        ]);
        expect(vanished).toEqual([1, 3, 4]);
        expect(highestModseq).toBe((await store.mailboxes.status(inbox)).highestModseq);
      });

      it('remembers a bounded number of expunges, and then returns a superset', async () => {
        await Promise.all(
          Array.from({ length: 2200 }, (_, i) =>
            store.accept(sampleAcceptance(`B${i}`, { deliveries: [toInbox(account.id)] })),
          ),
        );
        const since = (await store.mailboxes.status(inbox)).highestModseq;
        await Promise.all(
          Array.from({ length: 2100 }, (_, i) => store.mailboxes.expunge(inbox, [[i + 1, i + 1]], { force: true })),
        );
        const { vanished } = await store.mailboxes.changes(inbox, since);
        expect(vanished).toEqual(Array.from({ length: 2100 }, (_, i) => i + 1));
      });

      it('stores search text with the content', async () => {
        const contents = await fill(3);
        await store.accept(sampleAcceptance('queued', { queued: [queuedFor('w@qq.com')] }));
        expect(await store.mailboxes.unprepared(10)).toEqual(contents);
        await store.mailboxes.putSearchText(contents[0] ?? 0, {
          body: 'hello 你好',
          headers: 'x-y: z',
          head: 'subject: one\r\nx-a: two',
        });
        await store.mailboxes.putSearchText(contents[2] ?? 0, {
          body: '',
          headers: '',
          head: 'subject: one\r\nx-a: two',
        });
        expect(await store.mailboxes.unprepared(10)).toEqual([contents[1]]);
        expect(await store.mailboxes.searchText(contents[0] ?? 0)).toEqual({
          body: 'hello 你好',
          headers: 'x-y: z',
          head: 'subject: one\r\nx-a: two',
        });
        expect(await store.mailboxes.searchText(contents[1] ?? 0)).toBeNull();
        await store.mailboxes.putSearchText(contents[2] ?? 0, { body: 'a\0b', headers: '', head: null });
        expect(await store.mailboxes.searchText(contents[2] ?? 0)).toEqual({ body: 'a\0b', headers: '', head: null });
      });

      it('decides what is in prepared texts; the others are unknown', async () => {
        const contents = await fill(3);
        const head = 'subject: one\r\nx-a: two 你好';
        await store.mailboxes.putSearchText(contents[0] ?? 0, { body: 'hello 你好', headers: 'x-y: z', head });
        await store.mailboxes.putSearchText(contents[2] ?? 0, { body: 'bye', headers: '', head: null });
        const decide = async (key: TextKey): Promise<string> =>
          [...(await store.mailboxes.searchContents([...contents, 99_999], key))].map((one) => 'NY?'[one]).join('');
        expect(await decide({ where: 'body', text: 'lo 你' })).toBe('Y?N?');
        expect(await decide({ where: 'body', text: 'one' })).toBe('N?N?');
        expect(await decide({ where: 'anywhere', text: 'one' })).toBe('Y???');
        expect(await decide({ where: 'anywhere', text: 'x-y' })).toBe('Y???');
        expect(await decide({ where: 'anywhere', text: 'nowhere' })).toBe('N???');
        expect(await decide({ where: 'field', field: 'x-a', text: '你好' })).toBe('Y???');
        expect(await decide({ where: 'field', field: 'subject', text: 'two' })).toBe('N???');
        expect(await decide({ where: 'field', field: 'a', text: 'two' })).toBe('N???');
        // A message that has the text may have it in another field; one without addresses is not decided.
        expect(await decide({ where: 'fields', text: 'nowhere' })).toBe('????');
        const sample = sampleIndex('q"u \\ w', 10);
        const index = { ...sample, search: { ...sample.search, addresses: sample.search } };
        const accepted = await store.accept({
          ...sampleAcceptance('addresses', { deliveries: [toInbox(account.id)] }),
          index,
        });
        await store.mailboxes.putSearchText(accepted.content, { body: '', headers: '', head: '' });
        const fields = async (text: string): Promise<number> =>
          (await store.mailboxes.searchContents([accepted.content], { where: 'fields', text }))[0] ?? -1;
        expect([await fields('q"u \\'), await fields('a@example.org'), await fields('q"v')]).toEqual([2, 2, 0]);
        expect(await decide({ where: 'body', text: '' })).toBe('????');
        expect(await decide({ where: 'anywhere', text: 'one\r\nx-a' })).toBe('????');
        expect(await store.mailboxes.searchContents([], { where: 'body', text: 'x' })).toHaveLength(0);
      });

      it('decides contents in any order, one that is asked for twice too', async () => {
        const contents = await fill(3);
        const [a = 0, b = 0, c = 0] = contents;
        for (const content of [a, c])
          await store.mailboxes.putSearchText(content, { body: `content ${content} ends`, headers: '', head: '' });
        const key: TextKey = { where: 'body', text: `content ${c} ends` };
        expect([...(await store.mailboxes.searchContents([c, b, a, c, a], key))]).toEqual([YES, UNKNOWN, NO, YES, NO]);
      });

      it('begins the search texts anew, and says how far they are', async () => {
        const contents = await fill(3);
        const text = { body: 'hello', headers: '', head: '' };
        await store.mailboxes.putSearchText(contents[0] ?? 0, text);
        expect(await store.mailboxes.searchProgress()).toMatchObject({ messages: 3, prepared: 1 });
        for (const content of contents) await store.mailboxes.putSearchText(content, text);
        while ((await store.mailboxes.unprepared(10)).length > 0);
        await store.mailboxes.discardSearchTexts();
        expect(await store.mailboxes.searchProgress()).toMatchObject({ messages: 3, prepared: 0, indexed: 0 });
        expect(await store.mailboxes.searchText(contents[0] ?? 0)).toBeNull();
        expect(await store.mailboxes.unprepared(10)).toEqual(contents);
      });
    });

    describe('watching', () => {
      it('D3: reports every change of the account, after it is durable, in MODSEQ order', async () => {
        const changes: Change[] = [];
        const end = store.mailboxes.watch(account.id, (change) => changes.push(change));
        await fill(2);
        await store.mailboxes.store(inbox, [[1, 2]], { op: 'add', flags: ['\\Seen'] });
        await store.mailboxes.expunge(inbox, [[1, 1]], { force: true });
        await store.mailboxes.create(account.id, 'new');
        const other = await store.directory.create({ address: 'haha@baidu.com', passwordHash: '' });
        await store.accept(sampleAcceptance('other', { deliveries: [toInbox(other.id)] }));
        expect(changes.map(({ kind }) => kind)).toEqual(['append', 'append', 'flags', 'expunge', 'mailbox']);
        const modseqs = changes.flatMap((change) => {
          if (change.kind === 'expunge') return [change.modseq];
          return change.kind === 'mailbox' ? [] : change.messages.map(({ modseq }) => modseq);
        });
        expect(modseqs).toEqual([...modseqs].sort((x, y) => x - y));
        expect(changes[2]).toEqual({
          kind: 'flags',
          mailbox: inbox,
          messages: [1, 2].map((uid) => ({ uid, modseq: 4, flags: ['\\Seen'] })),
        });
        end();
        await fill(1);
        expect(changes).toHaveLength(5);
      });

      it('reports nothing that was refused, and a listener that throws affects no one else', async () => {
        const changes: Change[] = [];
        store.mailboxes.watch(account.id, () => {
          throw new Error('a session broke');
        });
        store.mailboxes.watch(account.id, (change) => changes.push(change));
        const deliveries = [toInbox(account.id), { ...toInbox(account.id), mailbox: { id: 999_999 } }];
        await Promise.allSettled([store.accept(sampleAcceptance('bad', { deliveries })), fill(1)]);
        expect(changes).toHaveLength(1);
      });

      it('reports both sides of a move', async () => {
        await fill(2);
        const sent = await mailboxId(store, account.id, 'Sent');
        const changes: Change[] = [];
        store.mailboxes.watch(account.id, (change) => changes.push(change));
        await store.mailboxes.move(inbox, ALL, sent);
        expect(changes.map(({ kind, mailbox }) => [kind, mailbox])).toEqual([
          ['append', sent],
          ['expunge', inbox],
        ]);
      });
    });

    describe('the queue', () => {
      const claim = (
        limit: number,
        options: { now?: number; exclude?: string[] } = {},
      ): Promise<readonly QueueItem[]> =>
        store.queue.claim({ now: options.now ?? 2e12, limit, leaseMs: 60_000, exclude: options.exclude ?? [] });
      const enqueue = async (count: number, domain: string): Promise<void> => {
        await Promise.all(
          Array.from({ length: count }, (_, i) => {
            serial += 1;
            return store.accept({
              ...sampleAcceptance(`E${serial}`, { queued: [queuedFor(`u${i}@${domain}`)] }),
              arrivedAt: 1000 + serial,
            });
          }),
        );
      };
      const reply = { code: 450, enhanced: '4.2.0', text: 'later' };

      it('claims due items, oldest first, each once', async () => {
        await enqueue(5, 'qq.com');
        expect(await claim(10, { now: 500 })).toEqual([]);
        const first = await claim(3);
        const second = await claim(10);
        expect(first.map(({ queueId }) => queueId)).toEqual(['E1', 'E2', 'E3']);
        expect(second.map(({ queueId }) => queueId)).toEqual(['E4', 'E5']);
        expect(first[0]).toMatchObject({
          active: true,
          attempts: 0,
          lastReply: null,
          notify: ['FAILURE'],
          orcpt: 'rfc822;u0@qq.com',
          reversePath: 'sender@example.org',
        });
        expect(await claim(10)).toEqual([]);
      });

      it('P9: keeps who the client was, and VERP, with an item', async () => {
        const client = { name: 'far.test', address: '192.0.2.1', helo: 'ä"\n', ident: 'Q1', source: 'REMOTE' } as const;
        const queued = [
          { ...queuedFor('a@qq.com'), client, verp: '+=', reports: true as const },
          queuedFor('b@qq.com'),
        ];
        await store.accept(sampleAcceptance('E1', { queued }));
        const items = await claim(10);
        expect(items.find(({ recipient }) => recipient === 'a@qq.com')).toMatchObject({
          client,
          verp: '+=',
          reports: true,
        });
        const without = items.find(({ recipient }) => recipient === 'b@qq.com');
        expect([without?.client, without?.verp, without?.reports]).toEqual([undefined, undefined, undefined]);
        expect((await listQueue(store)).find(({ verp }) => verp !== undefined)).toMatchObject({
          client,
          verp: '+=',
          reports: true,
        });
      });

      it('P14: claims fresh items before deferred ones', async () => {
        await enqueue(1, 'old.example');
        const [old] = await claim(1);
        await store.queue.settle([{ item: old?.id ?? 0, outcome: 'deferred', dueAt: 10, reply, warned: true }]);
        await enqueue(1, 'fresh.example');
        expect((await claim(1))[0]?.destination).toBe('fresh.example');
        expect((await claim(1))[0]).toMatchObject({
          destination: 'old.example',
          state: 'deferred',
          attempts: 1,
          warned: true,
          lastReply: reply,
        });
      });

      it('skips destinations at their limit, however long their queues are', async () => {
        await enqueue(1500, 'busy.example');
        await enqueue(3, 'free.example');
        await enqueue(2, 'other.example');
        expect((await claim(10, { exclude: ['busy.example'] })).map(({ destination }) => destination).sort()).toEqual([
          ...Array(3).fill('free.example'),
          ...Array(2).fill('other.example'),
        ]);
        expect(await claim(10, { exclude: ['busy.example'] })).toEqual([]);
        expect(await claim(2)).toHaveLength(2);
      });

      it('items are available again after a release, when the lease expires, and after a restart', async () => {
        await enqueue(1, 'qq.com');
        const [item] = await claim(1);
        await store.queue.settle([{ item: item?.id ?? 0, outcome: 'released' }]);
        expect(await claim(1)).toMatchObject([{ attempts: 0 }]);
        expect(await claim(1, { now: 2e12 + 59_999 })).toEqual([]);
        expect(await claim(1, { now: 2e12 + 60_000 })).toHaveLength(1);
        await reopen();
        await store.queue.recover();
        expect(await claim(1)).toHaveLength(1);
      });

      it('knows when it must be scanned next', async () => {
        expect(await store.queue.nextDue()).toBeNull();
        await enqueue(2, 'qq.com');
        expect(await store.queue.nextDue()).toBe(1001);
        const [first] = await claim(2);
        expect(await store.queue.nextDue()).toBeNull();
        await store.queue.settle([{ item: first?.id ?? 0, outcome: 'deferred', dueAt: 5000, reply }]);
        expect(await store.queue.nextDue()).toBe(5000);
      });

      it('P4: flushes, holds, releases and removes by queue ID, by destination, or all', async () => {
        await enqueue(2, 'a.example');
        await enqueue(2, 'b.example');
        const items = await claim(10);
        await store.queue.settle(
          items.map(({ id }) => ({ item: id, outcome: 'deferred' as const, dueAt: 3e12, reply })),
        );
        expect(await claim(10)).toEqual([]);
        expect(await store.queue.flush({ destination: 'a.example' }, 100)).toBe(2);
        expect(await store.queue.hold({ queueIds: ['E1', 'nonsense'] })).toBe(1);
        expect((await claim(10)).map(({ queueId }) => queueId)).toEqual(['E2']);
        expect((await listQueue(store, { state: 'hold' })).map(({ queueId }) => queueId)).toEqual(['E1']);
        expect(await store.queue.flush({}, 100)).toBe(3);
        expect(await store.queue.release({}, 200)).toBe(1);
        expect((await claim(10)).map(({ queueId }) => queueId).sort()).toEqual(['E1', 'E3', 'E4']);
        expect(await store.queue.redirect({ queueIds: ['E3'] }, 'c.example', 300)).toBe(1);
        expect((await listQueue(store, { destination: 'c.example' })).map(({ queueId }) => queueId)).toEqual(['E3']);
        expect(await store.queue.redirect({ destination: 'c.example' }, 'b.example', 300)).toBe(1);
        expect(await store.queue.remove({ destination: 'b.example' })).toBe(2);
        expect((await listQueue(store)).map(({ queueId }) => queueId)).toEqual(['E1', 'E2']);
        expect(await store.queue.remove({})).toBe(2);
        expect(await listQueue(store)).toEqual([]);
      });

      it('an item that is put on hold during its delivery stays on hold', async () => {
        await enqueue(1, 'qq.com');
        const [item] = await claim(1);
        await store.queue.hold({});
        await store.queue.settle([{ item: item?.id ?? 0, outcome: 'deferred', dueAt: 10, reply }]);
        expect(await claim(10)).toEqual([]);
        expect(await listQueue(store, { state: 'hold' })).toHaveLength(1);
      });

      it('accepts items on hold, and ignores settlements of removed items', async () => {
        await store.accept(sampleAcceptance('H1', { queued: [{ ...queuedFor('w@qq.com'), state: 'hold' }] }));
        expect(await claim(10)).toEqual([]);
        await store.queue.settle([{ item: 999_999, outcome: 'done' }]);
        expect(await listQueue(store)).toHaveLength(1);
      });

      it('lists thousands of items in batches', async () => {
        await enqueue(1200, 'qq.com');
        expect(await listQueue(store)).toHaveLength(1200);
        expect(await store.queue.hold({})).toBe(1200);
        expect(await store.queue.remove({ state: 'hold' })).toBe(1200);
      });
    });

    it('what plugins remember is kept over a restart, changed only if it is what it was, and gone at its time', async () => {
      const states = (): PluginStates => store.pluginStates;
      const a = { plugin: 'grey', key: 'a/1' };
      const forever = { expiresAt: null };
      expect(await states().put(a, { value: '{"x":"你好"}', ...forever }, 0)).toBe(true);
      expect(await states().put(a, { before: null, value: '1', ...forever }, 0)).toBe(false);
      expect(await states().put(a, { before: 'other', value: '1', ...forever }, 0)).toBe(false);
      expect(await states().put({ plugin: 'grey', key: 'a/2' }, { before: null, value: '2', expiresAt: 100 }, 0)).toBe(
        true,
      );
      expect(await states().put({ plugin: 'grey', key: 'b' }, { value: '3', expiresAt: 50 }, 0)).toBe(true);
      expect(await states().put({ plugin: 'gre', key: 'y a/1' }, { value: '4', ...forever }, 0)).toBe(true);
      await reopen();
      expect(await states().get(a, 0)).toBe('{"x":"你好"}');
      expect(await states().put(a, { before: '{"x":"你好"}', value: '5', ...forever }, 0)).toBe(true);
      const keys = (prefix: string, limit: number, now: number) =>
        states().keys({ plugin: 'grey', prefix }, limit, now);
      expect(await keys('', 10, 60)).toEqual(['a/1', 'a/2']);
      const entries = await states().entries({ plugin: 'grey', key: 'a/1' });
      expect(entries.map(({ plugin, key, expiresAt }) => [plugin, key, expiresAt])).toEqual([
        ['grey', 'a/2', 100],
        ['grey', 'b', 50],
      ]);
      expect(await keys('a/', 1, 0)).toEqual(['a/1']);
      expect(await keys('a/2', 9, 100)).toEqual([]);
      // What has expired is as good as gone, before and after it is swept.
      expect(await states().get({ plugin: 'grey', key: 'b' }, 50)).toBeNull();
      expect(await states().put({ plugin: 'grey', key: 'b' }, { before: '3', value: '6', ...forever }, 50)).toBe(false);
      expect(await states().put({ plugin: 'grey', key: 'b' }, { before: null, value: '7', expiresAt: 90 }, 50)).toBe(
        true,
      );
      await states().sweep(95);
      expect(await states().get({ plugin: 'grey', key: 'b' }, 0)).toBeNull();
      expect(await states().put(a, { before: '5', value: null, ...forever }, 0)).toBe(true);
      expect([await states().get(a, 0), await keys('', 10, 0)]).toEqual([null, ['a/2']]);
      // Of many at a time one is first.
      const race = Array.from({ length: 30 }, (_, i) =>
        states().put(a, { before: null, value: String(i), ...forever }, 0),
      );
      expect((await Promise.all(race)).filter(Boolean)).toHaveLength(1);
    });

    it('P7: what probes found out is kept over a restart, replaced, and dropped when its time is over', async () => {
      const result = (status: 'deliverable' | 'deferred' | 'undeliverable', updatedAt: number) => ({
        status,
        text: 'said "so" 你好',
        updatedAt,
        probedAt: updatedAt + 1,
      });
      await store.probeResults.put('A@far.test', result('undeliverable', 5));
      await store.probeResults.put('A@far.test', result('deliverable', 10));
      await store.probeResults.put('b@far.test', result('undeliverable', 10));
      await store.probeResults.put('c@far.test', result('deferred', 30));
      await reopen();
      expect(await store.probeResults.find('A@far.test')).toEqual(result('deliverable', 10));
      expect(await store.probeResults.find('a@far.test')).toBeNull();
      expect(await store.probeResults.clean({ deliverable: 10, failed: 20 })).toEqual({ retained: 2, dropped: 1 });
      expect(await store.probeResults.find('b@far.test')).toBeNull();
      for (let i = 0; i < 700; i += 1) await store.probeResults.put(`${i}@far.test`, result('undeliverable', i));
      expect(await store.probeResults.clean({ deliverable: 11, failed: 1000 })).toEqual({ retained: 0, dropped: 702 });
    });

    it('finishes operations started before the close, and refuses later ones', async () => {
      const begun = Array.from({ length: 20 }, (_, i) =>
        store.accept(sampleAcceptance(`L${i}`, { deliveries: [toInbox(account.id)] })),
      );
      await store.close();
      expect((await Promise.allSettled(begun)).every(({ status }) => status === 'fulfilled')).toBe(true);
      await expect(store.accept(sampleAcceptance('late', { deliveries: [toInbox(account.id)] }))).rejects.toThrow();
      await reopen();
      expect((await store.mailboxes.status(inbox)).messages).toBe(20);
    });
  });
}
