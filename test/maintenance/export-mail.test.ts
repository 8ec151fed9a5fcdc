/** Mail as files that other programs read; test/interop/export-mail.test.ts has a real Dovecot read them. */
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mailFileOperations } from '../../src/admin/mail-files.ts';
import type { AdminServices } from '../../src/admin/operation.ts';
import type { Id } from '../../src/mail/account.ts';
import { exportMaildir } from '../../src/maintenance/mail-files/export-maildir.ts';
import { exportMbox } from '../../src/maintenance/mail-files/export-mbox.ts';
import type { ExportJob } from '../../src/maintenance/mail-files/export-source.ts';
import { maildirNames } from '../../src/maintenance/mail-files/maildir-names.ts';
import { EVERY_UID } from '../../src/maintenance/rows.ts';
import type { StoredMailbox } from '../../src/store/transfer.ts';
import { quietLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { acceptanceOf, openTemporaryStore, type TemporaryStore } from '../kit/store.ts';

let temporary: TemporaryStore;
let maomao: Id;
let notes: string[];
let faults: string[];

beforeEach(async () => {
  temporary = await openTemporaryStore(quietLog);
  const { directory } = temporary.store;
  maomao = (await directory.create({ address: 'maomao@baidu.com', passwordHash: '', quota: 0 })).id;
  await directory.create({ address: 'copy@baidu.com', passwordHash: '', quota: 0 });
  notes = [];
  faults = [];
});
afterEach(() => temporary.close());

const job = (source = temporary.store, isServed = false): ExportJob => ({
  source,
  isServed,
  account: maomao,
  onMessage: () => {},
  onFault: (place, problem) => void faults.push(`${place}: ${problem}`),
  onNote: (note) => void notes.push(note),
});

async function mailboxOf(name: string): Promise<StoredMailbox> {
  const found = (await temporary.store.transfer.mailboxRecords(maomao)).find((mailbox) => mailbox.name === name);
  if (found === undefined) throw new Error(`no mailbox ${name}`);
  return found;
}

let count = 0;
async function put(mailbox: string, text: string, flags: readonly string[] = [], internalDate = 1_600_000_000_000) {
  const { store } = temporary;
  const { deliveries, ...acceptance } = acceptanceOf(`put-${++count}`, Buffer.from(text, 'latin1'), {
    account: maomao,
  });
  const [delivery] = deliveries;
  if (delivery === undefined) throw new Error('no delivery');
  await store.accept({
    ...acceptance,
    deliveries: [{ ...delivery, mailbox: { name: mailbox }, flags, internalDate, prefix: '' }],
  });
}

/** All that a client can see of an account, by mailbox. */
async function seen(address: string): Promise<Record<string, readonly string[]>> {
  const { directory, mailboxes, transfer, content } = temporary.store;
  const account = (await directory.find(address))?.id ?? 0;
  const subscribed = await mailboxes.subscriptions(account);
  const found: Record<string, string[]> = {};
  for (const { id, name, uidValidity, uidNext } of await transfer.mailboxRecords(account)) {
    const lines = [`${uidValidity} ${uidNext} ${subscribed.includes(name)}`];
    for await (const rows of mailboxes.rows(id, EVERY_UID, {}))
      for (const { uid, flags, internalDate, content: octets } of rows)
        lines.push(
          [uid, [...flags].sort().join(' '), internalDate, (await content.read(octets)).toString('latin1')].join('|'),
        );
    found[name] = lines;
  }
  return found;
}

async function bring(format: string, given: Record<string, unknown>): Promise<void> {
  const services = {
    store: temporary.store,
    server: null,
    defaultDomain: 'baidu.com',
    parameters: parametersOf({}),
    progress: () => {},
  } as unknown as AdminServices;
  const report = await mailFileOperations[`import.${format}`]?.(services, { user: 'copy', ...given });
  expect(report).toMatchObject({ problems: [] });
}

async function fill(): Promise<void> {
  const { mailboxes } = temporary.store;
  await mailboxes.create(maomao, 'Work/T\u00f6st');
  await mailboxes.subscribe(maomao, 'Work/T\u00f6st', true);
  for (const name of ['INBOX', 'Sent', 'Work/T\u00f6st']) {
    await put(name, 'Subject: 1\r\nX-Fold: a\r\n\tb\r\n\r\n\xe4\r\nFrom x@y Mon Jan  1 00:00:00 2020\r\n\r\n', [
      '\\Seen',
      'Work',
    ]);
    await put(name, 'Subject: 2\r\n\r\n', ['\\Flagged', '\\Answered', '$Forwarded']);
    await put(name, 'Subject: 3\r\n\r\nx\r\n', ['\\Draft', '\\Deleted'], 1_700_000_000_000);
    await put(name, `Subject: 4\r\n\r\n${'long\r\n'.repeat(100_000)}`);
    await put(name, 'Subject: 5\r\n\r\nlast\r\n', ['Work', 'label1']);
    const found = await mailboxes.find(maomao, name);
    await mailboxes.expunge(found?.id ?? 0, [[3, 3]], { force: true });
  }
}

it('D6: a Maildir has everything, and imported it is the same', async () => {
  await fill();
  const folder = join(temporary.folder, 'out');
  mkdirSync(folder);
  expect(await exportMaildir(job(), folder)).toMatchObject({ messages: 12 });
  expect([notes, faults]).toEqual([[], []]);
  await bring('maildir', { path: folder });
  expect(await seen('copy@baidu.com')).toEqual(await seen('maomao@baidu.com'));
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
  expect(statSync(join(folder, 'cur')).mode & 0o777).toBe(0o700);
  await expect(exportMaildir(job(), folder)).rejects.toThrow('is not empty');
});

it('D6: an mbox has a mailbox with its UIDs, and imported it is the same', async () => {
  await fill();
  const path = join(temporary.folder, 'out.mbox');
  const mailbox = await mailboxOf('Work/T\u00f6st');
  await using handle = await open(path, 'ax+');
  expect(await exportMbox(job(), mailbox, handle)).toMatchObject({ messages: 4 });
  expect([notes, faults]).toEqual([[], []]);
  await bring('mbox', { path, folder: 'Work/T\u00f6st' });
  const name = 'Work/T\u00f6st';
  const [there, here] = [(await seen('maomao@baidu.com'))[name], (await seen('copy@baidu.com'))[name]];
  expect(here).toEqual(there);
});

it('D6: fields of a message that would be taken for the state of an mbox are left out of it', async () => {
  await put('INBOX', 'X-UID: 77\r\nStatus: RO\r\nSubject: s\r\nX-IMAPbase: 5 5\r\n\r\nbody');
  await put('INBOX', 'Subject: no body');
  await put('INBOX', `X: ${'y'.repeat(70)}\r\n`.repeat(20_000));
  const mailbox = await mailboxOf('INBOX');
  const path = join(temporary.folder, 'out.mbox');
  await using handle = await open(path, 'ax+');
  expect(await exportMbox(job(), mailbox, handle)).toMatchObject({ messages: 2 });
  expect(readFileSync(path, 'latin1').replace(/^From .*$/gm, 'From')).toBe(
    `From\nX-IMAPbase: ${mailbox.uidValidity} 0000000003\nX-UID: 1\nStatus: O\nX-Status: \nX-Keywords: \nContent-Length: 4\nSubject: s\n\nbody\n` +
      'From\nX-UID: 2\nStatus: O\nX-Status: \nX-Keywords: \nContent-Length: 0\nSubject: no body\n\n\n',
  );
  expect(notes).toEqual([expect.stringContaining('1 messages had fields of their own')]);
  expect(faults).toEqual([expect.stringContaining('INBOX UID 3: not written')]);
});

it('D6: names of mailboxes never lead out of the folder, and none is lost', () => {
  const long = 'x'.repeat(300);
  const names = maildirNames([
    'INBOX',
    '..',
    '../../etc',
    'a.b',
    'a_b',
    'A/B',
    'a\u0000b\u00fc',
    `${long}1`,
    `${long}2`,
  ]);
  const folders = [...names.values()].map(({ folder }) => folder);
  expect(new Set(folders).size).toBe(names.size);
  for (const folder of folders.slice(1)) {
    expect(folder).toMatch(/^\.[\x20-\x2e\x30-\x7e]{1,245}$/);
    expect(folder).not.toMatch(/\.\./);
  }
  expect(names.get('A/B')).toEqual({ levels: ['A', 'B'], folder: '.A.B', isChanged: false });
  expect(names.get('a.b')).toMatchObject({ folder: '.a_b', isChanged: true });
  expect(names.get('a_b')).toMatchObject({ folder: '.a_b_2', isChanged: true });
});

it('D6: more keywords than a Maildir has letters for are said', async () => {
  for (let n = 0; n < 30; n += 1) await put('INBOX', 'Subject: k\r\n\r\n', [`key${n}`]);
  const folder = join(temporary.folder, 'out');
  mkdirSync(folder);
  await exportMaildir(job(), folder);
  expect(notes).toEqual([expect.stringContaining('left out: key26 key27 key28 key29')]);
  expect(readFileSync(join(folder, 'dovecot-keywords'), 'utf8').trim().split('\n')).toHaveLength(26);
});

it('D6: a message that is expunged while it is written is in neither, and the others are', async () => {
  for (let n = 1; n <= 5; n += 1) await put('INBOX', `Subject: ${n}\r\n\r\n`);
  const { store } = temporary;
  const mailbox = await mailboxOf('INBOX');
  const stream = async function* (id: Id): AsyncGenerator<Buffer> {
    const text = (await store.content.read(id)).toString();
    if (text.startsWith('Subject: 3') || text.startsWith('Subject: 1')) {
      yield Buffer.from('Subject: ');
      await store.mailboxes.expunge(mailbox.id, [[Number(text[9]), Number(text[9])]], { force: true });
      throw new Error('the content is gone');
    }
    yield Buffer.from(text);
  };
  const content = { read: store.content.read, spool: store.content.spool, stream };
  const folder = join(temporary.folder, 'out');
  mkdirSync(folder);
  expect(await exportMaildir(job({ ...store, content }, true), folder)).toMatchObject({ messages: 3 });
  expect(
    readdirSync(join(folder, 'cur'))
      .map((name) => /U(\d)/.exec(name)?.[1])
      .sort(),
  ).toEqual(['2', '4', '5']);
  expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
});
