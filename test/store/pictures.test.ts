/** Pictures of mailboxes: read once, kept right by changes, bounded. Their content is compared by the model test. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Id } from '../../src/mail/account.ts';
import type { Read } from '../../src/store/backend/sqlite/calls.ts';
import { Database } from '../../src/store/backend/sqlite/database.ts';
import { Picture } from '../../src/store/backend/sqlite/front/picture.ts';
import { Pictures } from '../../src/store/backend/sqlite/front/pictures.ts';
import { MOST_PREFIXES, mailboxChanges, mailboxSection } from '../../src/store/backend/sqlite/reading/columns.ts';
import { READ_ONLY } from '../../src/store/backend/sqlite/reading/connection.ts';
import { quietLog } from '../kit/log.ts';
import { openTemporaryStore, type TemporaryStore } from '../kit/store.ts';
import { collect } from './conformance.ts';
import { sampleAcceptance, toInbox } from './samples.ts';

const ALL = { after: 0, most: 1_000_000 };

let under: TemporaryStore;
let db: Database;
let account: Id;
let inbox: number;
let serial = 0;
beforeAll(async () => {
  under = await openTemporaryStore(quietLog);
  db = new Database(join(under.folder, 'store.sqlite'), { ...READ_ONLY, cacheKib: 1024 });
  account = (await under.store.directory.create({ address: 'xixi@example.org', passwordHash: '' })).id;
  inbox = Number((await under.store.mailboxes.find(account, 'INBOX'))?.id);
});
afterAll(async () => {
  db.close();
  await under.close();
});

/** Pictures that read on this thread, and the names of what they asked for. */
function open(
  mostOctets?: number,
  section?: number,
  before: () => Promise<void> = async () => {},
): { pictures: Pictures; asked: string[] } {
  const asked: string[] = [];
  const read = (async (name: string, args: never) => {
    asked.push(name);
    await before();
    return name === 'mailboxSection' ? mailboxSection({ db }, args) : mailboxChanges({ db }, args);
  }) as Read;
  return { pictures: new Pictures(read, mostOctets, section), asked };
}

async function append(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, () => {
      serial += 1;
      return under.store.accept(sampleAcceptance(`P${serial}`, { deliveries: [toInbox(account)] }));
    }),
  );
}

it('reads a mailbox once, then what changed', async () => {
  await append(20);
  const { pictures, asked } = open();
  expect((await pictures.of(inbox)).length).toBe(20);
  await append(2);
  await under.store.mailboxes.expunge(inbox, [[3, 5]], { force: true });
  await under.store.mailboxes.store(inbox, [[1, 1]], { op: 'add', flags: ['\\Seen', 'Work'] });
  const picture = await pictures.of(inbox);
  expect([...picture.uids]).toEqual([1, 2, ...Array.from({ length: 17 }, (_, i) => i + 6)]);
  expect(picture.firstUnseen).toBe(2);
  expect(picture.known).toEqual(['Work']);
  expect(asked).toEqual(['mailboxSection', 'mailboxChanges']);
});

it('reads it anew after very many changes', async () => {
  const { pictures, asked } = open();
  await pictures.of(inbox);
  await append(600);
  expect((await pictures.of(inbox)).length).toBe(619);
  expect(asked).toEqual(['mailboxSection', 'mailboxChanges', 'mailboxSection']);
});

it('is read once for all who ask at the same time, and each gets what was there when it asked', async () => {
  const { pictures, asked } = open();
  const first = pictures.of(inbox);
  await append(1);
  const [, second] = await Promise.all([first, pictures.of(inbox)]);
  expect(second.length).toBe(mailboxSection({ db }, { mailbox: inbox, ...ALL }).columns.uids.length);
  await Promise.all([first, pictures.of(inbox)]);
  const { pictures: others, asked: askedOthers } = open();
  await Promise.all([others.of(inbox), others.of(inbox), others.of(inbox)]);
  expect(askedOthers).toEqual(['mailboxSection', 'mailboxChanges', 'mailboxChanges']);
  expect(asked.filter((name) => name === 'mailboxSection')).toHaveLength(1);
});

it('reads a large mailbox in sections, and what changed meanwhile', async () => {
  const { mailboxes } = under.store;
  const big = Number((await mailboxes.create(account, 'Big')).id);
  const fill = async (count: number, prefix: string): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      serial += 1;
      const delivery = { ...toInbox(account, [`K${serial % 3}`]), mailbox: { id: big }, prefix };
      await under.store.accept(sampleAcceptance(`P${serial}`, { deliveries: [delivery] }));
    }
  };
  await fill(35, 'X: 1\r\n');
  let step = 0;
  const { pictures, asked } = open(undefined, 10, async () => {
    step += 1;
    await fill(1, `X: ${step}\r\n`);
    await mailboxes.store(big, [[step * 2, step * 2 + 1]], { op: 'add', flags: ['\\Seen', `S${step}`] });
    await mailboxes.expunge(big, [[step * 7, step * 7]], { force: true });
  });
  const picture = await pictures.of(big);
  expect(asked).toEqual([...Array(4).fill('mailboxSection'), 'mailboxChanges']);
  const fresh = new Picture(mailboxSection({ db }, { mailbox: big, ...ALL }));
  expect(rowsOf(picture)).toEqual(rowsOf(fresh));
  expect(picture.length).toBe(35);
  expect(picture.firstUnseen).toBe(fresh.firstUnseen);
});

it('reads it at once if it changes too quickly', async () => {
  let step = 0;
  const { pictures, asked } = open(undefined, 250, async () => {
    step += 1;
    await under.store.mailboxes.store(inbox, [[1, 10_000]], { op: 'add', flags: [`Q${step}`] });
  });
  const { length } = await pictures.of(inbox);
  expect(asked.slice(-2)).toEqual(['mailboxChanges', 'mailboxSection']);
  expect(length).toBe(mailboxSection({ db }, { mailbox: inbox, ...ALL }).columns.uids.length);
});

it('an answer that was overtaken changes nothing', async () => {
  const { pictures } = open();
  const picture = await pictures.of(inbox);
  const early = mailboxChanges({ db }, { mailbox: inbox, modseq: picture.mailbox.modseq });
  await append(1);
  const { length } = await pictures.of(inbox);
  expect(picture.apply({ ...early, columns: early.columns ?? picture.columns })).toBe(true);
  expect(picture.length).toBe(length);
});

it('keeps those used last within its limit', async () => {
  const { pictures, asked } = open(2_000);
  const trash = Number((await under.store.mailboxes.find(account, 'Trash'))?.id);
  const drafts = Number((await under.store.mailboxes.find(account, 'Drafts'))?.id);
  for (const mailbox of [trash, drafts, inbox, trash]) await pictures.of(mailbox);
  // INBOX is too large to be kept, and has pushed nobody out.
  expect(asked).toEqual(['mailboxSection', 'mailboxSection', 'mailboxSection', 'mailboxChanges']);
});

it('does not keep a prefix of its own for each of very many messages', async () => {
  const { pictures } = open();
  const sent = Number((await under.store.mailboxes.find(account, 'Sent'))?.id);
  const deliver = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, () => {
        serial += 1;
        const delivery = { ...toInbox(account), mailbox: { id: sent }, prefix: `Return-Path: <${serial}@b.test>\r\n` };
        return under.store.accept(sampleAcceptance(`P${serial}`, { deliveries: [delivery] }));
      }),
    );
  await deliver(MOST_PREFIXES - 2);
  const picture = await pictures.of(sent);
  await deliver(3);
  await pictures.of(sent);
  for (const { length, columns } of [picture, new Picture(mailboxSection({ db }, { mailbox: sent, ...ALL }))]) {
    expect(columns.prefixSets).toHaveLength(MOST_PREFIXES);
    const kept = [...columns.prefixes.subarray(0, length)].map((index) => columns.prefixSets[index]);
    expect(kept.slice(-3)).toEqual([expect.stringContaining('Return-Path: <'), undefined, undefined]);
  }
  // Rows have theirs all the same, with a picture kept or not.
  const prefixes = async (): Promise<Set<string>> => {
    const rows = await collect(under.store, sent, { envelope: true });
    expect(rows.map(({ uid }) => uid)).toEqual([...picture.uids]);
    return new Set(rows.map(({ prefix }) => prefix));
  };
  const read = await prefixes();
  expect(read.size).toBe(picture.length);
  await under.store.mailboxes.columns(sent);
  expect(await prefixes()).toEqual(read);
  const plain = await collect(under.store, sent);
  expect(new Set(plain.map(({ prefix }) => prefix))).toEqual(read);
});

it('a mailbox that is gone is refused', async () => {
  const { pictures } = open();
  const { id } = await under.store.mailboxes.create(account, 'Gone');
  await pictures.of(Number(id));
  await under.store.mailboxes.remove(account, 'Gone');
  await expect(pictures.of(Number(id))).rejects.toMatchObject({ reason: 'nonexistent' });
});

it('columns that are in use stay the messages they were', async () => {
  const { pictures } = open();
  const { columns, length } = await pictures.of(inbox);
  const before = [...columns.uids.subarray(0, length)];
  const gone = before.filter((_, i) => i % 3 === 0 || i > length - 70);
  await under.store.mailboxes.expunge(
    inbox,
    gone.map((uid) => [uid, uid] as const),
    { force: true },
  );
  await append(40);
  const picture = await pictures.of(inbox);
  expect([...columns.uids.subarray(0, length)]).toEqual(before);
  const fresh = mailboxSection({ db }, { mailbox: inbox, ...ALL });
  expect(picture.length).toBe(fresh.columns.uids.length);
  for (const name of ['uids', 'modseqs', 'masks', 'internalDates', 'sizes', 'contents'] as const)
    expect([...picture.columns[name].subarray(0, picture.length)]).toEqual([...fresh.columns[name]]);
});

function rowsOf({ length, columns }: Picture): object[] {
  return Array.from({ length }, (_, i) => ({
    uid: columns.uids[i],
    modseq: columns.modseqs[i],
    mask: columns.masks[i],
    keywords: columns.keywordSets[columns.keywords[i] ?? 0],
    prefix: columns.prefixSets[columns.prefixes[i] ?? 0],
    content: columns.contents[i],
  }));
}
