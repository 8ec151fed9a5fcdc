/** Mail files of other programs, also broken and hostile ones; test/interop/import-mail.test.ts has those of Dovecot. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { mailFileOperations } from '../../src/admin/mail-files.ts';
import type { AdminServices } from '../../src/admin/operation.ts';
import { fromLineDate, parseMboxHeader } from '../../src/maintenance/mail-files/mbox-header.ts';
import { withCrlf } from '../../src/maintenance/mail-files/open-file.ts';
import { parseSubscriptions } from '../../src/maintenance/mail-files/subscriptions.ts';
import { flagsIn, parseKeywords, parseUidList } from '../../src/maintenance/mail-files/uidlist.ts';
import { EVERY_UID } from '../../src/maintenance/rows.ts';
import type { TransferReport } from '../../src/maintenance/wildduck/report.ts';
import { quietLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { openTemporaryStore, type TemporaryStore } from '../kit/store.ts';
import { failing } from './interrupted.ts';

let temporary: TemporaryStore;
let maildir: string;

beforeEach(async () => {
  temporary = await openTemporaryStore(quietLog);
  await temporary.store.directory.create({ address: 'maomao@baidu.com', passwordHash: '', quota: 0 });
  maildir = join(temporary.folder, 'Maildir');
  for (const part of ['cur', 'new', 'tmp', '.A.B/cur', '.A.B/new']) mkdirSync(join(maildir, part), { recursive: true });
});
afterEach(() => temporary.close());

async function run(format: string, given: Record<string, unknown>, store = temporary.store): Promise<TransferReport> {
  const services = {
    store,
    server: null,
    defaultDomain: 'baidu.com',
    parameters: parametersOf({}),
    progress: () => {},
  } as unknown as AdminServices;
  const report = await mailFileOperations[`import.${format}`]?.(services, { user: 'maomao', ...given });
  return report as TransferReport;
}
const problems = ({ problems: all }: TransferReport): string => all.map(({ problem }) => problem).join('\n');

function put(name: string, text: string): void {
  writeFileSync(join(maildir, name), text, 'latin1');
  utimesSync(join(maildir, name), 1_600_000_000, 1_600_000_000);
}

async function mailbox(name: string): Promise<string[]> {
  const { directory, mailboxes, content } = temporary.store;
  const account = (await directory.find('maomao@baidu.com'))?.id ?? 0;
  const found = await mailboxes.find(account, name);
  const lines: string[] = [];
  for await (const rows of mailboxes.rows(found?.id ?? 0, EVERY_UID, {}))
    for (const { uid, flags, size, content: id } of rows) {
      const text = size < 100 ? (await content.read(id)).toString('latin1') : `${size} octets`;
      lines.push([uid, flags.join(' '), text].join('|'));
    }
  return lines;
}

describe('D1, D6: a Maildir', () => {
  it('keeps what is inside of it, and nothing outside is read', async () => {
    writeFileSync(join(temporary.folder, 'secret'), 'Subject: secret\n\n');
    put('cur/1.a:2,FSa', 'Subject: 1\n\nx\n');
    put('new/2.b', 'Subject: 2\n\n');
    put('cur/3.a\n4 :evil:2,S', 'Subject: 3\n\n');
    put('cur/5.gz:2,', '\x1f\x8b\x08 compressed');
    put('dovecot-keywords', '0 Work\n1 bad keyword\n77 x\n');
    put('dovecot-uidlist', '3 V77 N9 G00\n4 W5 :1.a\n3 :2.b\nrubbish\n8 :gone\n');
    put('subscriptions', 'V\t2\n\nA\tB\nINBOX\n..\t..\n');
    put('.A.B/dovecot-uidlist', '9 nonsense\n');
    put('.A.B/cur/6.x:2,', 'Subject: 6\n\n');
    symlinkSync(join(temporary.folder, 'secret'), join(maildir, 'cur', '7.link:2,'));
    symlinkSync(temporary.folder, join(maildir, '.Outside'));
    symlinkSync(join(temporary.folder, 'secret'), join(maildir, '.A.B', 'dovecot-keywords'));
    execFileSync('mkfifo', [join(maildir, 'cur', '8.fifo:2,')]);
    execFileSync('mkfifo', [join(maildir, '.A.B', 'cur', '9.fifo')]);
    const report = await run('maildir', { path: maildir });
    expect(await mailbox('INBOX')).toEqual([
      '4|\\Flagged \\Seen Work|Subject: 1\r\n\r\nx\r\n',
      '9||Subject: 2\r\n\r\n',
      '10|\\Seen|Subject: 3\r\n\r\n',
    ]);
    expect(await mailbox('A/B')).toEqual(['1||Subject: 6\r\n\r\n']);
    const said = problems(report);
    for (const part of [
      'cur/7.link:2,',
      'cur/8.fifo:2,',
      '9.fifo',
      '5.gz:2,: not brought: it is compressed',
      'uidlist:3',
      'uidlist:4',
      '.Outside: a symbolic link',
      '.A.B/dovecot-keywords',
    ])
      expect(said).toContain(part);
    expect(said.split('\n')).toHaveLength(report.problems.length);
    expect(JSON.stringify(await mailbox('INBOX'))).not.toContain('secret');
    const again = await run('maildir', { path: maildir });
    expect(again.accounts[0]).toMatchObject({ added: 0, messages: 4 });
  });

  it('takes new flags and new messages, and leaves mail that has arrived here alone', async () => {
    put('cur/1.a:2,', 'Subject: 1\n\n');
    put('dovecot-uidlist', '3 V77 N2 G00\n1 :1.a\n');
    await run('maildir', { path: maildir });
    const { store } = temporary;
    const account = (await store.directory.find('maomao@baidu.com'))?.id ?? 0;
    const { acceptanceOf } = await import('../kit/store.ts');
    await store.accept(acceptanceOf('arrived', Buffer.from('Subject: here\r\n\r\n'), { account }));
    execFileSync('mv', [join(maildir, 'cur/1.a:2,'), join(maildir, 'cur/1.a:2,S')]);
    put('cur/2.b:2,', 'Subject: 2\n\n');
    put('dovecot-uidlist', '3 V77 N3 G00\n1 :1.a\n2 :2.b\n');
    for (const added of [1, 0]) {
      const report = await run('maildir', { path: maildir });
      expect(report).toMatchObject({
        accounts: [{ added, notes: expect.arrayContaining([expect.stringContaining('1 messages got other UIDs')]) }],
        problems: [],
      });
      expect(await mailbox('INBOX')).toEqual([
        '1|\\Seen|Subject: 1\r\n\r\n',
        '2||Subject: here\r\n\r\n',
        '3||Subject: 2\r\n\r\n',
      ]);
    }
  });

  it('has a message of 200 MB brought in bounded memory', async () => {
    const file = openSync(join(maildir, 'cur', '1.big:2,'), 'w');
    writeSync(file, 'Subject: big\n\n');
    ftruncateSync(file, 200 * 1024 * 1024);
    closeSync(file);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().external);
    }, 50);
    const before = process.memoryUsage().external;
    const report = await run('maildir', { path: maildir });
    clearInterval(watch);
    expect(report).toMatchObject({ accounts: [{ added: 1 }], problems: [] });
    expect(await mailbox('INBOX')).toEqual([`1||${200 * 1024 * 1024 + 2} octets`]);
    expect(most - before).toBeLessThan(150e6);
  }, 60_000);

  it('is whole after runs that were interrupted, and nothing is there twice', async () => {
    const uids = Array.from({ length: 30 }, (_, index) => index + 1);
    for (const uid of uids) put(`cur/${uid}.m:2,S`, `Subject: ${uid}\n\n`);
    put('dovecot-uidlist', `3 V77 N40 G00\n${uids.map((uid) => `${uid} :${uid}.m\n`).join('')}`);
    for (const name of ['a', 'b']) put(`.A.B/cur/${name}`, `Subject: ${name}\n\n`);
    let interrupted = 0;
    for (let writes = 0; interrupted < 100; writes += 1) {
      const error = await run('maildir', { path: maildir }, failing(temporary.store, writes)).then(
        ({ problems: all }) => expect(all).toEqual([]),
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof Error)) break;
      expect(error.message).toContain('interrupted');
      interrupted += 1;
    }
    expect(interrupted).toBeGreaterThan(5);
    expect(await mailbox('INBOX')).toEqual(uids.map((uid) => `${uid}|\\Seen|Subject: ${uid}\r\n\r\n`));
    expect((await mailbox('A/B')).map((line) => line.slice(2)).sort()).toEqual([
      '|Subject: a\r\n\r\n',
      '|Subject: b\r\n\r\n',
    ]);
    expect(await run('maildir', { path: maildir })).toMatchObject({ accounts: [{ added: 0, messages: 32 }] });
  });

  it('is refused where there is none, and no account is made for it', async () => {
    await expect(run('maildir', { path: temporary.folder })).rejects.toThrow('is no Maildir');
    await expect(run('maildir', { path: maildir, user: 'nobody' })).rejects.toThrow(
      'posthorn user add nobody@baidu.com',
    );
  });
});

describe('D1, D6: an mbox', () => {
  const FROM = 'From a@b Fri Jan 10 07:11:12 2020\n';

  test.each<readonly [string, string, readonly string[]]>([
    [
      'without UIDs',
      `${FROM}Subject: 1\n\nx\n\n${FROM}Subject: 2\nStatus: RO\nX-Status: A\n\ny\n`,
      ['1||Subject: 1\r\n\r\nx\r\n', '2|\\Answered \\Seen|Subject: 2\r\n\r\ny\r\n'],
    ],
    [
      'with UIDs',
      `${FROM}Subject: 1\nX-IMAPbase: 5 9\nX-UID: 3\n\nx\n\n${FROM}X-UID: 8\nX-Keywords: k\nSubject: 2\n\n`,
      ['3||Subject: 1\r\n\r\nx\r\n', '8|k|Subject: 2\r\n\r\n'],
    ],
    [
      'with the state of UW IMAP',
      `${FROM}Subject: FOLDER INTERNAL DATA\nX-IMAP: 5 9\n\ndata\n\n${FROM}Subject: 2\nX-UID: 2\n\n`,
      ['2||Subject: 2\r\n\r\n'],
    ],
    [
      'with a wrong Content-Length',
      `${FROM}Subject: 1\nContent-Length: 2\n\nxyz\n\n${FROM}Subject: 2\nContent-Length: 99999999\n\ny\n`,
      ['1||Subject: 1\r\n\r\nxyz\r\n', '2||Subject: 2\r\n\r\ny\r\n'],
    ],
    [
      'with From lines in a text',
      `${FROM}Subject: 1\nContent-Length: ${FROM.length + 2}\n\na\n${FROM}\n${FROM}Subject: 2\n\n`,
      [`1||Subject: 1\r\n\r\na\r\n${FROM.trim()}\r\n`, '2||Subject: 2\r\n\r\n'],
    ],
    [
      'with CRLF',
      `${FROM}Subject: 1\n\nx\n\n${FROM}Subject: 2\n\ny\n`.replaceAll('\n', '\r\n'),
      ['1||Subject: 1\r\n\r\nx\r\n', '2||Subject: 2\r\n\r\ny\r\n'],
    ],
    ['without bodies', `${FROM}Subject: 1\n${FROM}Subject: 2`, ['1||Subject: 1\r\n', '2||Subject: 2']],
    ['of nothing', '', []],
  ])('%s', async (_title, text, messages) => {
    const path = join(temporary.folder, 'mbox');
    writeFileSync(path, text, 'latin1');
    for (const _ of [1, 2]) {
      await run('mbox', { path, folder: 'Old' });
      expect(await mailbox('Old')).toEqual(messages);
    }
    expect(await mailbox('INBOX')).toEqual([]);
  });

  it('is refused where it is none', async () => {
    const path = join(temporary.folder, 'mbox');
    writeFileSync(path, 'Subject: 1\n\n');
    await expect(run('mbox', { path })).rejects.toThrow('does not begin with a "From " line');
  });
});

describe('the files beside the mail', () => {
  test.each([
    ['', null],
    ['1 5 9\n3 a\n', { uidValidity: 5, uidNext: 9, uids: new Map([['a', 3]]) }],
    ['3 V5 N2 Gx\n7 G1 W2 :a,S=1:2,S\n', { uidValidity: 5, uidNext: 8, uids: new Map([['a,S=1', 7]]) }],
    ['3 N2 Gx\n', null],
    ['3 V99999999999 N2\n', null],
    ['3 V5 N2\n99999999999 :a\n4294967295 :b\n0 :c\n', { uidValidity: 5, uidNext: 2, uids: new Map() }],
  ])('dovecot-uidlist %j', (text, list) => {
    expect(parseUidList(text, () => {})).toEqual(list);
  });

  it('flags, keywords and subscriptions are read as Dovecot writes them', () => {
    expect(flagsIn('1.a:2,DFPRSTaz', parseKeywords('0 $Label1\n'))).toEqual([
      ...['\\Draft', '\\Flagged', '$Forwarded', '\\Answered', '\\Seen', '\\Deleted', '$Label1'],
    ]);
    expect(parseSubscriptions('V\t2\n\nWork\tT&APY-st\ninbox\n&bad\n', '.')).toEqual(['Work/Töst', 'INBOX']);
    expect(parseSubscriptions('Work.Old\nSent\n', '.')).toEqual(['Work/Old', 'Sent']);
  });

  it('lines of an mbox have many forms', () => {
    const date = new Date(2020, 0, 10, 7, 11, 12).getTime();
    for (const line of [
      'From a@b  Fri Jan 10 07:11:12 2020',
      'From - Fri Jan 10 07:11:12 CET 2020',
      'From "a b"@c Fri Jan 10 07:11:12 2020 +0100\r',
    ])
      expect(fromLineDate(line)).toBe(date);
    for (const line of ['From a@b', 'From x Fri Foo 10 07:11:12 2020', '>From a Fri Jan 10 07:11:12 2020'])
      expect(fromLineDate(line)).toBeNull();
    expect(parseMboxHeader(Buffer.from('Subject: a\n b\nstatus: RO\nX-UID: 1e9\n\n'))).toMatchObject({
      octets: Buffer.from('Subject: a\n b\n\n'),
      uid: null,
      flags: ['\\Seen'],
    });
  });

  it('line ends become CRLF wherever the pieces are cut', async () => {
    const text = Buffer.from('a\r\nb\nc\r\r\n\n\r');
    for (let cut = 0; cut <= text.length; cut += 1) {
      const pieces = (async function* () {
        yield text.subarray(0, cut);
        yield text.subarray(cut);
      })();
      const out: Buffer[] = [];
      for await (const piece of withCrlf(pieces)) out.push(piece);
      expect(Buffer.concat(out).toString()).toBe('a\r\nb\r\nc\r\r\n\r\n\r');
    }
  });
});
