/** A check finds what was damaged by hand in a store's file, names the place, and mends what follows from other data. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore } from '../../src/maintenance/check/check.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { openSqliteSource } from '../../src/store/backend/sqlite/open-source.ts';
import type { Inspection } from '../../src/store/check.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import { makeSearchText } from '../../src/store/search-preparation.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { checkFile } from '../store/check-file.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { randomFrom, VariedStore } from './varied-store.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryFolder('check');
});
afterEach(() => removeFolder(directory));

/** Three messages of one account, one of them long, and one queue item. All texts for SEARCH are prepared. */
async function fill(): Promise<void> {
  const store = await openSqliteStore({ directory, log: quietLog });
  const { id } = await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  const deliveries = [toInbox(id, ['\\Seen'])];
  await store.accept({ ...sampleAcceptance('A1', { deliveries, queued: [queuedFor('w@qq.com')] }), index: null });
  await store.accept({ ...sampleAcceptance('A2', { deliveries }), index: null });
  const bytes = Buffer.alloc(2 * CHUNK_SIZE + 100, 'Subject: long\r\n\r\nwords ');
  await store.accept({ ...sampleAcceptance('L3', { bytes, deliveries: [toInbox(id)] }), index: null });
  for (const content of await store.mailboxes.unprepared(10))
    await store.mailboxes.putSearchText(content, await makeSearchText(store, content));
  await store.close();
}

function damage(sql: string, file = 'store.sqlite'): void {
  const db = new DatabaseSync(join(directory, file));
  db.exec(sql);
  db.close();
}

const tally = () => ({ done: 0, of: 0, octets: 0 });

async function check(): Promise<readonly Inspection[]> {
  const { source, isServed, searchText, close } = await openSqliteSource(directory, quietLog);
  const inspections = await checkStore({ source, repair: null, isServed, searchText, tally: tally() }, () => {});
  await close();
  return inspections;
}

async function repair(): Promise<readonly Inspection[]> {
  const store = await openSqliteStore({ directory, log: quietLog, sweeps: false });
  const { searchText } = store.mailboxes;
  const job = { source: store, repair: store, isServed: false, searchText, tally: tally() };
  const inspections = await checkStore(job, () => {});
  await store.close();
  return inspections;
}

const findingsOf = (inspections: readonly Inspection[]): string[] =>
  inspections.flatMap(({ name, findings }) =>
    findings.map(({ place, problem, mended }) => `${name}: ${place}: ${problem}${mended ? ' (mended)' : ''}`),
  );

/** What is wrong, how it is damaged, what is found, and whether all of it is mended. */
const MENDED: readonly (readonly [what: string, sql: string, ...found: string[]])[] = [
  [
    'counts of a mailbox',
    'UPDATE mailbox SET messages = 7, unseen = 0, deleted = 2, size = size + 1 WHERE id = 1',
    'mailboxes: xixi@baidu.com INBOX: messages: 7 instead of 3',
    'mailboxes: xixi@baidu.com INBOX: unseen: 0 instead of 1',
    'mailboxes: xixi@baidu.com INBOX: deleted: 2 instead of 0',
    'mailboxes: xixi@baidu.com INBOX: size: 524530 instead of 524529',
  ],
  [
    'UIDNEXT and MODSEQ of a mailbox',
    'UPDATE mailbox SET uid_next = 3, modseq = 3 WHERE id = 1',
    "messages: xixi@baidu.com INBOX UID 3: its UID is not below the mailbox's UIDNEXT 3",
    "messages: xixi@baidu.com INBOX UID 3: its MODSEQ 4 is above the mailbox's 3",
  ],
  [
    'the UIDVALIDITY to come',
    "UPDATE meta SET value = 5 WHERE name = 'uidvalidity'; UPDATE mailbox SET uid_validity = 1000 + id",
    'accounts: xixi@baidu.com: the UIDVALIDITY 1006 of a mailbox could be given again',
  ],
  [
    'references',
    "UPDATE content SET refs = 5 WHERE queue_id = 'A1'; UPDATE content SET refs = 0 WHERE queue_id = 'A2'",
    'references to contents: message A1: counts 5 references, and has 2',
    'references to contents: message A2: counts 0 references, and has 1',
  ],
  [
    'the size of a content, and those of its rows',
    "UPDATE content SET size = 7 WHERE queue_id = 'L3'; UPDATE message SET size = 9 WHERE uid = 1",
    'chunks of contents: message L3: its size is said to be 7 octets, and is 524388',
    'sizes of rows: xixi@baidu.com INBOX UID 1: its size is said to be 9 octets, and is 56',
  ],
  [
    'dates of rows',
    'UPDATE message SET sent_at = 77 WHERE uid = 2',
    'dates of rows: xixi@baidu.com INBOX UID 2: its Date is 77, that of its content none',
  ],
  [
    'an index that is no JSON',
    "UPDATE content SET root = '{' WHERE queue_id = 'A1'",
    expect.stringMatching(/^contents: content 1: its prepared index cannot be read: /) as unknown as string,
  ],
  [
    'an index with wrong places',
    "UPDATE content SET root = json_set(root, '$.bodyStart', 999) WHERE queue_id = 'A1'; UPDATE content SET envelope = 'x' WHERE queue_id = 'A2'; UPDATE content SET root = json_set(root, '$.bodyEnd', 50) WHERE queue_id = 'L3'",
    'contents: message A1: its prepared index names places outside of it',
    'contents: message A2: its prepared ENVELOPE or BODYSTRUCTURE is no list',
    'contents: message L3: its prepared index ends at 50 of 524388 octets',
  ],
  [
    'what belongs to nothing',
    "INSERT INTO chunk VALUES (999 * 4096, x'00'); INSERT INTO keyword VALUES (99, 'a', 'A'), (99, 'b', 'B'); INSERT INTO expunged VALUES (99, 1, '1'); INSERT INTO subscription VALUES (99, 'x'); INSERT INTO delivered VALUES (99, 1, 'INBOX', '', 1, 1, 1)",
    'what is left over: table chunk: 1 rows belong to nothing',
    'what is left over: table keyword: 2 rows belong to nothing',
    'what is left over: table expunged: 1 rows belong to nothing',
    'what is left over: table subscription: 1 rows belong to nothing',
    'what is left over: table delivered: 1 rows belong to nothing',
  ],
];

/** Mail that is missing is named, and left as it is. */
const LOST: readonly (readonly [what: string, sql: string, ...found: string[]])[] = [
  [
    'a chunk that is missing',
    'DELETE FROM chunk WHERE id = 3 * 4096 + 1',
    'chunks of contents: message L3: has 262244 of 524388 octets: a chunk is missing or short',
    'contents: message L3: content 3 is damaged: chunk 1 is missing or short',
  ],
  [
    'a chunk that is short',
    'UPDATE chunk SET bytes = substr(bytes, 1, 10) WHERE id = 3 * 4096',
    'chunks of contents: message L3: has 262254 of 524388 octets: a chunk is missing or short',
    'contents: message L3: content 3 is damaged: chunk 0 is missing or short',
  ],
  [
    'a content that is missing',
    "DELETE FROM content WHERE queue_id = 'A1'",
    'contents of rows: xixi@baidu.com INBOX UID 1: its content 1 does not exist',
    'contents of queue items: queue item 1 for w@qq.com: its content 1 does not exist',
  ],
  [
    'a mailbox that is missing',
    'DELETE FROM mailbox WHERE id = 1',
    'rows of mailboxes: mailbox 1: it does not exist, and has 3 messages',
    'accounts: xixi@baidu.com: has no INBOX',
  ],
  [
    'an account that is missing',
    'DELETE FROM account; DELETE FROM subscription; DELETE FROM mailbox WHERE id > 1',
    'mailboxes of accounts: mailbox INBOX: its account 1 does not exist',
  ],
  [
    'two mailboxes with one UIDVALIDITY',
    'UPDATE mailbox SET uid_validity = (SELECT value FROM meta)',
    'accounts: xixi@baidu.com: two mailboxes have one UIDVALIDITY',
  ],
];

describe('a check of a store', () => {
  it('finds nothing in a sound store, and has looked at all of it', async () => {
    await fill();
    const inspections = await check();
    expect(findingsOf(inspections)).toEqual([]);
    expect(Object.fromEntries(inspections.map(({ name, checked }) => [name, checked]))).toEqual({
      'pages of store.sqlite': expect.any(Number),
      'mailboxes of accounts': 6,
      'rows of mailboxes': 3,
      'contents of rows': 3,
      'contents of queue items': 1,
      'references to contents': 3,
      'chunks of contents': 5,
      'sizes of rows': 3,
      'dates of rows': 3,
      'what is left over': 5 + 0 + 0 + 6 + 0,
      accounts: 1,
      mailboxes: 6,
      messages: 3,
      'expunged messages': 0,
      contents: 3,
      'texts for SEARCH': 3,
      'queue items': 1,
    });
  });

  it('finds nothing in a store with mail of every kind', async () => {
    const store = await openSqliteStore({ directory, log: quietLog });
    await new VariedStore(store, randomFrom(11)).fill(300);
    await store.close();
    expect(findingsOf(await check())).toEqual([]);
    expect(findingsOf(await repair())).toEqual([]);
  });

  it('beside a server takes no change for damage', async () => {
    const store = await openSqliteStore({ directory, log: quietLog });
    const varied = new VariedStore(store, randomFrom(12));
    await varied.fill(150);
    let checking = true;
    const checked = (async () => {
      for (let round = 0; round < 3; round += 1) expect(findingsOf(await check())).toEqual([]);
    })().finally(() => {
      checking = false;
    });
    while (checking) await varied.change();
    await checked;
    await store.close();
  });

  it.each(MENDED)('finds and mends %s', async (_, sql, ...found) => {
    await fill();
    damage(sql);
    expect(findingsOf(await check())).toEqual(expect.arrayContaining(found));
    expect(findingsOf(await check()).every((finding) => !finding.endsWith('(mended)'))).toBe(true);
    const mended = await repair();
    expect(mended.filter(({ wrong, mended: count }) => wrong !== count)).toEqual([]);
    expect(mended.some(({ wrong }) => wrong > 0)).toBe(true);
    expect(findingsOf(await check())).toEqual([]);
    checkFile(directory);
  });

  it.each(LOST)('names %s, and leaves it', async (_, sql, ...found) => {
    await fill();
    damage(sql);
    for (const inspections of [await check(), await repair(), await check()])
      expect(findingsOf(inspections)).toEqual(expect.arrayContaining(found));
  });

  it('finds and mends a text for SEARCH that is another one', async () => {
    await fill();
    damage("UPDATE body SET text = 'nonsense' WHERE content = 2", 'search.sqlite');
    const finding = 'texts for SEARCH: content 2: its text for SEARCH is not what is made of its octets';
    expect(findingsOf(await check())).toEqual([finding]);
    expect(findingsOf(await repair())).toEqual([`${finding} (mended)`]);
    expect(findingsOf(await check())).toEqual([]);
  });

  it('does not make an index of octets that are not whole', async () => {
    await fill();
    // Neither the size nor the index says how long it was.
    damage("UPDATE content SET size = 7, root = '{' WHERE queue_id = 'L3'");
    for (let round = 0; round < 2; round += 1)
      expect(findingsOf(await repair())).toEqual([
        'chunks of contents: message L3: has 524388 of 7 octets: a chunk is missing or short',
        'sizes of rows: xixi@baidu.com INBOX UID 3: its size is said to be 524417 octets, and is 36',
        expect.stringMatching(/^contents: content 3: its prepared index cannot be read: .*JSON.*column 2\)$/),
      ]);
  });

  it('says where the file itself is damaged, as far as it can be opened', async () => {
    await fill();
    const db = new DatabaseSync(join(directory, 'store.sqlite'));
    const { page } = db
      .prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = 'message_by_modseq'")
      .get() as { page: number };
    db.close();
    const file = openSync(join(directory, 'store.sqlite'), 'r+');
    writeSync(file, Buffer.alloc(200, 'x'), 0, 200, page * 8192 - 200);
    closeSync(file);
    const findings = findingsOf(await check());
    expect(findings.some((finding) => finding.startsWith('pages of store.sqlite: store.sqlite: '))).toBe(true);
  });
});
