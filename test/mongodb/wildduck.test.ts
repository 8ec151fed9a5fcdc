/**
 * Mail from a real WildDuck, and to one: what it serves over IMAP is compared, so that the truth comes from WildDuck and
 * not from our reading of it.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Account } from '../../src/mail/account.ts';
import type { Part } from '../../src/mail/message.ts';
import type { TransferReport } from '../../src/maintenance/wildduck/report.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { verifyPassword } from '../../src/server/login/password.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../src/store/content.ts';
import type { MessageRow } from '../../src/store/mailboxes.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import type { ImapClient } from '../kit/imap-client.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { quietLog } from '../kit/log.ts';
import { acceptanceOf } from '../kit/store.ts';
import { openDatabase, type TestDatabase } from './database.ts';
import { append, fetchOctets, type SeenMessage, see } from './wildduck-client.ts';
import { CORPUS, noise, ODD_LINE_ENDS, UNFIT } from './wildduck-corpus.ts';
import { startWildDuck, type WildDuckServer, whyNoWildDuck } from './wildduck-server.ts';

/** WildDuck searches bodies with it. */
async function findsText(): Promise<boolean> {
  const { db, close } = await openDatabase();
  try {
    const texts = db.collection('texts');
    await texts.createIndex({ text: 'text' });
    await texts.insertOne({ text: 'a word' });
    return (await texts.findOne({ $text: { $search: 'word' } })) !== null;
  } catch {
    return false;
  } finally {
    await close();
  }
}
const hasTextSearch = await findsText();

const PASSWORD = 'apothecary of the rear palace';

let database: TestDatabase;
let wildDuck: WildDuckServer;
const folders: string[] = [];

const why = whyNoWildDuck();
const can = why === null ? {} : { skip: true };
const named = (what: string): string => (why === null ? what : `${what}: no WildDuck here (${why})`);

beforeAll(async () => {
  if (why !== null) return;
  database = await openDatabase();
  wildDuck = await startWildDuck(database.uri);
}, 300_000);

afterAll(async () => {
  await wildDuck?.stop();
  await database?.close();
  for (const folder of folders) removeFolder(folder);
});

function newFolder(): string {
  const folder = temporaryFolder('wildduck-store');
  folders.push(folder);
  return folder;
}

/** `posthorn store import|export wildduck`, on the data folder. */
async function transfer(
  direction: 'import' | 'export',
  data: string,
  ...args: readonly string[]
): Promise<Finished & { report: TransferReport }> {
  const done = await finish(['store', direction, 'wildduck', database.uri, '--data', data, '--json', ...args]);
  if (!done.out.startsWith('{')) throw new Error(`exit code ${done.code}: ${done.err}${done.out}`);
  return { ...done, report: JSON.parse(done.out) as TransferReport };
}

async function withStore<T>(data: string, act: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ directory: data, log: quietLog });
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}

async function accountIn(store: Store, address: string): Promise<Account> {
  const account = await store.directory.find(address);
  if (account === null) throw new Error(`no account ${address}`);
  return account;
}

async function rowsOf(store: Store, account: Account, name: string): Promise<MessageRow[]> {
  const mailbox = await store.mailboxes.find(account.id, name);
  const rows: MessageRow[] = [];
  if (mailbox !== null)
    for await (const page of store.mailboxes.rows(mailbox.id, [[1, 2 ** 32 - 1]], {})) rows.push(...page);
  return rows;
}

async function octetsOf(store: Store, row: MessageRow): Promise<Buffer> {
  const pieces: Buffer[] = [Buffer.from(row.prefix)];
  for await (const piece of store.content.stream(row.content)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What IMAP says of a message; dates are in seconds there. */
const seen = ({ uid, modseq, internalDate, size, flags }: SeenMessage) => ({
  uid,
  modseq,
  date: new Date(Math.floor(internalDate / 1000) * 1000).toISOString(),
  size,
  flags: [...flags].sort().join(' '),
});

/** Each message of a mailbox is, in the store, what WildDuck serves. */
async function expectSame(
  store: Store,
  account: Account,
  client: ImapClient,
  name: string,
  path = name,
): Promise<number> {
  const theirs = await see(client, path);
  const mailbox = await store.mailboxes.find(account.id, name);
  expect(mailbox).toMatchObject({
    uidValidity: theirs.uidValidity,
    uidNext: theirs.uidNext,
    highestModseq: Math.max(1, theirs.highestModseq),
  });
  const rows = await rowsOf(store, account, name);
  expect(rows.map(seen)).toEqual(theirs.messages.map(seen));
  for (const row of rows) {
    const octets = await octetsOf(store, row);
    const served = await fetchOctets(client, row.uid, 'BODY.PEEK[]');
    expect(octets.equals(served), `UID ${row.uid} of ${name}`).toBe(true);
  }
  return rows.length;
}

describe(named('an import'), can, () => {
  const data = newFolder();
  let client: ImapClient;

  beforeAll(async () => {
    const { id: user } = await wildDuck.api('POST', '/users', {
      username: 'maomao',
      password: PASSWORD,
      address: 'mao.mao@example.com',
      quota: 500_000_000,
    });
    await wildDuck.api('POST', `/users/${user}/addresses`, { address: 'apothecary@example.com' });
    await wildDuck.api('POST', `/users/${user}/addresses`, { address: '*@cats.example', allowWildcard: true });
    await wildDuck.api('POST', `/users/${user}/filters`, { query: { from: 'x' }, action: { seen: true } });
    await wildDuck.api('POST', `/users/${user}/asps`, { description: 'phone', scopes: ['imap'] });
    await wildDuck.api('PUT', `/users/${user}/autoreply`, { status: true, text: 'away' });
    const bcrypt = wildDuck.load('bcryptjs') as { hashSync(password: string, cost: number): string };
    await wildDuck.api('POST', '/users', {
      username: 'xixi',
      password: bcrypt.hashSync(PASSWORD, 5),
      hashedPassword: true,
      address: 'xixi@example.com',
      targets: ['far@example.org'],
    });
    await wildDuck.api('POST', '/users', {
      username: 'dadou',
      password: '$1$salt$qJH7.N4xYta3aEG/dfqo/0',
      hashedPassword: true,
      address: 'dadou@example.com',
    });
    const dadou = await wildDuck.api('GET', '/users/resolve/dadou');
    await wildDuck.api('PUT', `/users/${dadou['id']}`, { suspended: true });
    await wildDuck.api('POST', '/addresses/forwarded', {
      address: 'team@example.com',
      targets: ['a@example.org', 'xixi@example.com'],
    });
    await wildDuck.api('POST', '/addresses/forwarded', {
      address: 'hook@example.com',
      targets: ['https://example.org/'],
    });
    await wildDuck.api('POST', '/domainaliases', { alias: 'example.net', domain: 'example.com' });

    client = await wildDuck.login('maomao', PASSWORD);
    for (const name of ['a/b', '&g0l6P3ux-', 'Gr&APYA3w-e/x']) await client.ok(`CREATE "${name}"`);
    await client.ok('UNSUBSCRIBE "a/b"');
    let day = 0;
    for (const octets of [...Object.values(CORPUS), ...Object.values(ODD_LINE_ENDS), ...Object.values(UNFIT)]) {
      day += 1;
      const date = `${String((day % 28) + 1).padStart(2, ' ')}-Feb-2020 10:00:${String(day % 60).padStart(2, '0')} +0100`;
      await append(client, 'INBOX', octets, `(${day % 2 === 0 ? '\\Seen ' : ''}$label${day % 3}) "${date}" `);
    }
    await append(client, 'Drafts', Buffer.from('From: a@b.c\r\nSubject: draft\r\n\r\n'), '(\\Draft) ');
    await client.ok('SELECT INBOX');
    await client.ok('UID STORE 3:5 +FLAGS (\\Flagged \\Answered Work)');
    await client.ok('UID STORE 7 +FLAGS (\\Deleted)');
    await client.ok('UID EXPUNGE 7');
    await client.ok('UID STORE 8 +FLAGS (\\Deleted)');
    await client.ok('UID COPY 10:14 "a/b"');
    await client.ok('UID MOVE 20 "&g0l6P3ux-"');
  }, 120_000);

  afterAll(() => client?.destroy());

  test('brings each mailbox as WildDuck serves it, and compares', async () => {
    const { code, report } = await transfer('import', data);
    expect(report.problems).toEqual([]);
    expect(code).toBe(0);
    expect(report.notBrought).toEqual({
      'addresses that are patterns or forward to URLs': 1,
      filters: 1,
      autoreplies: 1,
      'application passwords': 1,
      'deleted messages that could be restored': 1,
    });
    await withStore(data, async (store) => {
      const account = await accountIn(store, 'mao.mao@example.com');
      const mailboxes = await store.mailboxes.list(account.id);
      expect(mailboxes.map(({ name, specialUse, subscribed }) => [name, specialUse, subscribed])).toEqual([
        ['INBOX', '', true],
        ['Drafts', '\\Drafts', true],
        ['Größe/x', '', true],
        ['Junk', '\\Junk', true],
        ['Sent Mail', '\\Sent', true],
        ['Trash', '\\Trash', true],
        ['a/b', '', false],
        ['草稿箱', '', true],
      ]);
      let count = 0;
      const paths: Readonly<Record<string, string>> = { 'Größe/x': 'Gr&APYA3w-e/x', 草稿箱: '&g0l6P3ux-' };
      for (const { name } of mailboxes) count += await expectSame(store, account, client, name, paths[name] ?? name);
      expect(report.accounts.find(({ address }) => address === account.address)).toMatchObject({
        messages: count,
        added: count,
      });
    });
  });

  test('brings passwords that log in, and says which do not', async () => {
    const { report } = await transfer('import', data);
    const notes = Object.fromEntries(report.accounts.map((account) => [account.address, account.notes]));
    expect(notes).toEqual({
      'mao.mao@example.com': [],
      'xixi@example.com': [],
      'dadou@example.com': ['needs a new password: posthorn user passwd dadou@example.com'],
    });
    await withStore(data, async (store) => {
      const [maomao, xixi, dadou] = await Promise.all(
        ['mao.mao', 'xixi', 'dadou'].map((name) => accountIn(store, `${name}@example.com`)),
      );
      expect(maomao).toMatchObject({ quota: 500_000_000, disabled: false });
      expect(await verifyPassword(Buffer.from(PASSWORD), maomao?.passwordHash ?? '')).toBe(true);
      expect(await verifyPassword(Buffer.from(PASSWORD), xixi?.passwordHash ?? '')).toBe(true);
      expect(await verifyPassword(Buffer.from('wrong'), xixi?.passwordHash ?? '')).toBe(false);
      expect(dadou).toMatchObject({ passwordHash: '', disabled: true });
    });
  });

  test('brings addresses as aliases', async () => {
    await withStore(data, async ({ directory }) => {
      expect(Object.fromEntries(await directory.aliases())).toEqual({
        'apothecary@example.com': ['mao.mao@example.com'],
        '@cats.example': ['mao.mao@example.com'],
        'xixi@example.com': ['xixi@example.com', 'far@example.org'],
        'team@example.com': ['a@example.org', 'xixi@example.com'],
        '@example.net': ['@example.com'],
      });
    });
  });

  test('a second run brings what has changed', async () => {
    await client.ok('SELECT INBOX');
    await client.ok('UID STORE 2 +FLAGS (Again)');
    await client.ok('UID STORE 30 +FLAGS (\\Deleted)');
    await client.ok('UID EXPUNGE 30');
    await client.ok('UID COPY 2 Trash');
    await client.ok('RENAME "a/b" "c"');
    await append(client, 'Trash', CORPUS['plain'] ?? Buffer.alloc(0));
    const { code, report } = await transfer('import', data);
    expect({ code, problems: report.problems }).toEqual({ code: 0, problems: [] });
    expect(report.accounts[0]).toMatchObject({ address: 'mao.mao@example.com', added: 2 });
    await withStore(data, async (store) => {
      const account = await accountIn(store, 'mao.mao@example.com');
      for (const name of ['INBOX', 'Trash', 'c']) await expectSame(store, account, client, name);
      expect(await store.mailboxes.find(account.id, 'a/b')).toBeNull();
    });
  });

  test('brings only the users that are asked for', async () => {
    const folder = newFolder();
    // Dots before the "@" do not count in WildDuck.
    const { report } = await transfer('import', folder, '--user', 'maomao@example.com');
    expect(report.accounts.map(({ address }) => address)).toEqual(['mao.mao@example.com']);
    expect(report.aliases).toBe(2);
    const unknown = await finish(['store', 'import', 'wildduck', database.uri, '--data', folder, '--user', 'nobody']);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('WildDuck has no user nobody') });
  });

  test('brings the same into a MongoDB store', async () => {
    const folder = newFolder();
    const own = await openDatabase();
    try {
      writeFileSync(join(folder, 'main.cf'), `mail_store = ${own.uri}\n`);
      const { code, report } = await transfer('import', folder, '--config', folder, '--user', 'maomao@example.com');
      expect({ code, problems: report.problems }).toEqual({ code: 0, problems: [] });
      const store = await openMongoStore({ uri: own.uri, log: quietLog });
      try {
        const account = await accountIn(store, 'mao.mao@example.com');
        for (const name of ['INBOX', 'Trash', 'Drafts', 'c']) await expectSame(store, account, client, name);
        const open = await finish(['store', 'import', 'wildduck', database.uri, '--data', folder, '--config', folder]);
        expect(open).toMatchObject({ code: 1, err: expect.stringMatching(/process \d+ on .* is using this store/) });
      } finally {
        await store.close();
      }
    } finally {
      await own.close();
    }
  }, 120_000);

  test('leaves an account alone that has mail of its own', async () => {
    const folder = newFolder();
    await withStore(folder, async (store) => {
      const account = await store.directory.create({ address: 'xixi@example.com', passwordHash: '{PLAIN}own' });
      await store.accept(acceptanceOf('own', Buffer.from('Subject: own\r\n\r\n'), { account: account.id }));
    });
    const { code, report } = await transfer('import', folder);
    expect(code).toBe(1);
    expect(report.problems).toEqual([
      {
        account: 'xixi@example.com',
        problem: expect.stringMatching(/^not brought: its mailbox INBOX here is not one of WildDuck's, and has mail/),
      },
    ]);
    expect(report.accounts.map(({ address }) => address)).toEqual(['mao.mao@example.com', 'dadou@example.com']);
    await withStore(folder, async (store) => {
      const account = await accountIn(store, 'xixi@example.com');
      expect(account.passwordHash).toBe('{PLAIN}own');
      expect(await rowsOf(store, account, 'INBOX')).toHaveLength(1);
    });
  });

  test('goes on after mail that is damaged, and says so', async () => {
    const files = database.db.collection('attachments.files');
    const chunks = database.db.collection('attachments.chunks');
    const damaged = await files.findOne({ length: 5000 });
    const lost = await files.findOne({ length: 100 });
    if (damaged === null || lost === null) throw new Error('WildDuck has not kept the attachments');
    const chunk = await chunks.findOneAndDelete({ files_id: damaged._id });
    await files.deleteOne({ _id: lost._id });
    const folder = newFolder();
    const { code, report } = await transfer('import', folder, '--user', 'maomao');
    await files.insertOne(lost);
    if (chunk !== null) await chunks.insertOne(chunk);
    expect(code).toBe(1);
    const said = report.problems.map(({ problem }) => problem);
    expect(said.filter((problem) => /^an attachment has 0 of its 5000 octets/.test(problem))).not.toEqual([]);
    expect(said.filter((problem) => /^WildDuck has lost 1 of its attachments/.test(problem))).not.toEqual([]);
    expect(said.filter((problem) => !/attachment/.test(problem))).toEqual([]);
    const [first] = report.accounts;
    // What could not be read is tried again.
    const again = await transfer('import', folder, '--user', 'maomao');
    expect(again.report.problems).toEqual([]);
    expect(again.report.accounts[0]?.messages).toBeGreaterThan(first?.messages ?? 0);
  });
});

describe(named('an export'), can, () => {
  const data = newFolder();
  const ADDRESS = 'jinshi@example.com';
  const all = { ...CORPUS, ...UNFIT };
  let client: ImapClient;
  let report: TransferReport;
  let code: number | null;

  beforeAll(async () => {
    await withStore(data, async (store) => {
      const { directory, mailboxes } = store;
      const account = await directory.create({
        address: ADDRESS,
        passwordHash: `{PLAIN}${PASSWORD}`,
        quota: 1_000_000_000,
      });
      await directory.create({
        address: 'gaoshun@example.com',
        passwordHash: '{PBKDF2}$1$jz6dUaJpvYPRTGOs$5000$4e768eceb2a8941f11a44f30b2ee1780c06d2ccc',
      });
      await directory.create({ address: 'lihaku@example.com', passwordHash: '{SSHA}E+tGE82/tkwErlttOz2I4NY/iRnhiTr+' });
      let n = 0;
      for (const bytes of Object.values(all)) {
        n += 1;
        const prefix =
          n % 3 === 0 && bytes !== UNFIT['an empty line at the beginning']
            ? `Return-Path: <größe${n}@example.org>\r\n`
            : '';
        const flags = [...(n % 2 === 0 ? ['\\Seen'] : []), ...(n % 5 === 0 ? ['\\Flagged', '$label'] : [])];
        const place = { account: account.id, prefix, flags, at: Date.UTC(2026, 0, n) };
        const acceptance = acceptanceOf(`export-${n}`, bytes.subarray(0, 100), place);
        await store.accept({ ...acceptance, content: await draft(store, bytes), index: indexMessage(bytes) });
      }
      const inbox = await mailboxes.find(account.id, 'INBOX');
      await mailboxes.create(account.id, 'Größe/x');
      await mailboxes.subscribe(account.id, 'Trash', false);
      const target = await mailboxes.create(account.id, 'copies', '\\Flagged');
      await mailboxes.copy(inbox?.id ?? 0, [[30, 40]], target.id);
      await mailboxes.expunge(inbox?.id ?? 0, [[2, 2]], { force: true });
      await directory.setAlias('gin@example.com', [ADDRESS]);
      await directory.setAlias('@moon.example', [ADDRESS]);
      await directory.setAlias('all@example.com', [ADDRESS, 'far@example.org']);
      await directory.setAlias('gaoshun@example.com', ['gaoshun@example.com', 'far@example.org']);
      await directory.setAlias('@example.edu', ['@example.com']);
    });
    ({ report, code } = await transfer('export', data));
    client = await wildDuck.login('jinshi@example.com', PASSWORD);
  }, 120_000);

  afterAll(() => client?.destroy());

  test('tells of the messages that WildDuck cannot send as they are, and of hashes that it does not know', () => {
    expect(code).toBe(1);
    const uids = Object.keys(UNFIT).map((_, i) => Object.keys(CORPUS).length + i + 1);
    expect(report.problems.map(({ account, mailbox, uid }) => [account, mailbox, uid])).toEqual(
      uids.map((uid) => [ADDRESS, 'INBOX', uid]),
    );
    expect(Object.fromEntries(report.accounts.map(({ address, notes }) => [address, notes]))).toEqual({
      [ADDRESS]: [],
      'gaoshun@example.com': [],
      'lihaku@example.com': ['needs a new password: WildDuck cannot verify its hash'],
    });
  });

  test('is served by WildDuck: mailboxes, UIDs, flags, dates, sizes and octets', async () => {
    const unfit = new Set(report.problems.map(({ uid }) => uid));
    await withStore(data, async (store) => {
      const account = await accountIn(store, ADDRESS);
      const listed = await client.ok('LIST "" "*"');
      for (const path of ['INBOX', 'Archive', 'Gr&APYA3w-e/x', 'copies']) expect(listed).toContain(`"${path}"`);
      expect(await client.ok('LSUB "" "*"')).not.toContain('Trash');
      for (const name of ['Sent', 'copies', 'Archive']) await expectSame(store, account, client, name);
      const rows = await rowsOf(store, account, 'INBOX');
      const theirs = await see(client, 'INBOX');
      expect(theirs.messages.map(seen)).toEqual(rows.map(seen));
      for (const row of rows.filter(({ uid }) => !unfit.has(uid))) {
        const octets = await octetsOf(store, row);
        const served = await fetchOctets(client, row.uid, 'BODY.PEEK[]');
        expect(served.equals(octets), `BODY[] of UID ${row.uid}`).toBe(true);
      }
    });
  }, 120_000);

  test('gives the parts of a message as Posthorn does', async () => {
    await withStore(data, async (store) => {
      const account = await accountIn(store, ADDRESS);
      await client.ok('EXAMINE INBOX');
      for (const row of await rowsOf(store, account, 'INBOX')) {
        const octets = await octetsOf(store, row);
        if (octets.length > 1_000_000) continue;
        for (const [path, part] of leavesOf(indexMessage(octets).root)) {
          const served = await fetchOctets(client, row.uid, `BODY.PEEK[${path}]`);
          const expected = octets.subarray(part.bodyStart, part.bodyEnd);
          expect(served.toString('latin1'), `BODY[${path}] of UID ${row.uid}`).toBe(expected.toString('latin1'));
        }
      }
    });
  }, 120_000);

  test('keeps equal attachments once, and counts their references as WildDuck does', async () => {
    const expected = new Map<string, { c: number; m: number }>();
    for (const collection of ['messages', 'archived']) {
      for await (const { mimeTree, magic } of database.db.collection(collection).find({}, { promoteBuffers: true })) {
        for (const id of Object.values(mimeTree.attachmentMap ?? {})) {
          const key = (id as Buffer).toString('hex');
          const { c, m } = expected.get(key) ?? { c: 0, m: 0 };
          expected.set(key, { c: c + 1, m: m + magic });
        }
      }
    }
    const files = await database.db.collection('attachments.files').find({}, { promoteBuffers: true }).toArray();
    const counted = new Map(
      files.map(({ _id, metadata: { c, m } }) => [(_id as unknown as Buffer).toString('hex'), { c, m }]),
    );
    expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected));
    expect(files.filter(({ length }) => length === 3 * 1024 * 1024)).toHaveLength(1);
  });

  test('can be searched, answered and added to', async () => {
    await client.ok('SELECT INBOX');
    const subject = Buffer.from('größe').toString('latin1');
    expect(await client.ok(`UID SEARCH CHARSET UTF-8 SUBJECT "${subject}"`)).toMatch(/SEARCH \d/);
    expect(await client.ok('UID SEARCH HEADER Message-ID nested@')).toMatch(/SEARCH \d/);
    expect(await client.ok('UID SEARCH UNKEYWORD $label FLAGGED')).toBe('* SEARCH\r\n');
    const { uidNext } = await see(client, 'INBOX');
    await append(client, 'INBOX', CORPUS['plain'] ?? Buffer.alloc(0));
    expect((await see(client, 'INBOX')).messages.at(-1)?.uid).toBe(uidNext);
    const structure = await client.ok('UID FETCH 3 (ENVELOPE BODYSTRUCTURE)');
    expect(structure).toContain('"nested"');
    expect(structure.toLowerCase()).toContain('"alternative"');
  });

  test.skipIf(!hasTextSearch)(
    'SEARCH BODY finds words (needs $text, which mongo-java-server does not have)',
    async () => {
      await client.ok('SELECT INBOX');
      expect(await client.ok('UID SEARCH BODY "dull"')).toMatch(/SEARCH \d/);
    },
  );

  test('shows text and attachments in the HTTP API', async () => {
    const { id: user } = await wildDuck.api('GET', '/users/resolve/jinshi@example.com');
    const { results } = await wildDuck.api('GET', `/users/${user}/mailboxes`);
    const inbox = (results as { path: string; id: string }[]).find(({ path }) => path === 'INBOX');
    const nested = await wildDuck.api('GET', `/users/${user}/mailboxes/${inbox?.id}/messages/3`);
    expect(nested).toMatchObject({
      subject: 'nested',
      from: { address: 'maomao@example.com', name: 'Maomao' },
      text: 'plain',
      html: ['<img src="attachment:ATT00001">'],
      attachments: [
        { id: 'ATT00001', contentType: 'image/png', related: true },
        { id: 'ATT00002', filename: 'a.bin', disposition: 'attachment' },
      ],
    });
    const response = await fetch(wildDuck.url(`/users/${user}/mailboxes/${inbox?.id}/messages/3/attachments/ATT00002`));
    expect(Buffer.from(await response.arrayBuffer()).equals(noise('file', 2000))).toBe(true);
  });

  test('makes addresses, forwarding and domain aliases', async () => {
    const found = async (address: string) => await wildDuck.api('GET', `/addresses/resolve/${address}`);
    const { id: user } = await wildDuck.api('GET', '/users/resolve/jinshi@example.com');
    expect(await found('gin@example.com')).toMatchObject({ user });
    // Its API fails for an address that matches a pattern.
    const pattern = await database.db.collection('addresses').findOne({ addrview: '*@moon.example' });
    expect(String(pattern?.['user'])).toBe(user);
    expect(await found('all@example.com')).toMatchObject({ targets: [ADDRESS, 'far@example.org'] });
    expect(await found('jinshi@example.edu')).toMatchObject({ user });
    const { id: gaoshun } = await wildDuck.api('GET', '/users/resolve/gaoshun@example.com');
    expect(await wildDuck.api('GET', `/users/${gaoshun}`)).toMatchObject({ targets: ['far@example.org'] });
    // Its hash was Dovecot's PBKDF2.
    (await wildDuck.login('gaoshun@example.com', 'maomao')).destroy();
    await expect(wildDuck.login('lihaku@example.com', 'maomao')).rejects.toThrow(/LOGIN/);
  });

  test('is refused where WildDuck has the address', async () => {
    const again = await finish(['store', 'export', 'wildduck', database.uri, '--data', data, '--user', ADDRESS]);
    expect(again).toMatchObject({
      code: 1,
      err: expect.stringContaining(`WildDuck has the address ${ADDRESS} already`),
    });
  });
});

test(named('what was brought, exported and brought again is the same'), can, async () => {
  const [first, second] = [newFolder(), newFolder()];
  await transfer('import', first, '--user', 'maomao');
  await withStore(first, async ({ directory }) => {
    const [account] = await directory.list();
    await directory.rename([{ account: account?.id ?? 0, address: 'again@example.com' }]);
    for (const address of (await directory.aliases()).keys()) await directory.setAlias(address, []);
  });
  const exported = await transfer('export', first);
  expect(exported.report.problems).toEqual([]);
  const brought = await transfer('import', second, '--user', 'again@example.com');
  expect(brought.report.problems).toEqual([]);
  const contents = (data: string) =>
    withStore(data, async (store) => {
      const account = await accountIn(store, 'again@example.com');
      const mailboxes = await store.mailboxes.list(account.id);
      const facts = await Promise.all(
        mailboxes.map(async ({ id, account: _, ...mailbox }) => ({
          mailbox,
          rows: (await rowsOf(store, account, mailbox.name)).map(({ content, ...row }) => row),
          contents: await store.transfer.contentRecords(
            (await rowsOf(store, account, mailbox.name)).map((row) => row.content),
          ),
        })),
      );
      const { id, createdAt, ...rest } = account;
      // The queue IDs are the digests of the octets.
      return { account: rest, facts };
    });
  expect(await contents(second)).toEqual(await contents(first));
});

/** Each part that has no parts, with its number; not a multipart without parts, whose body WildDuck gives. */
function leavesOf(part: Part, path: readonly number[] = []): [string, Part][] {
  if (part.type !== 'multipart') return [[path.join('.') || '1', part]];
  return part.parts.flatMap((child, i) => leavesOf(child, [...path, i + 1]));
}

async function draft(store: Store, bytes: Buffer): Promise<ContentDraft> {
  if (bytes.length <= CHUNK_SIZE) return { kind: 'inline', bytes };
  const spool = store.content.spool();
  await spool.write(bytes);
  return spool.finish();
}
