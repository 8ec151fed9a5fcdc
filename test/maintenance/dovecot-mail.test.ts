/** The mail of all accounts, where a dovecot.conf says that it is; test/interop/import-mail.test.ts has a real Dovecot. */
import { lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { dovecotMailOperations } from '../../src/admin/dovecot-mail.ts';
import type { AdminServices } from '../../src/admin/operation.ts';
import { parseLocation } from '../../src/config/dovecot/location.ts';
import { expandPath } from '../../src/config/dovecot/variables.ts';
import { EVERY_UID } from '../../src/maintenance/rows.ts';
import type { TransferReport } from '../../src/maintenance/wildduck/report.ts';
import { quietLog } from '../kit/log.ts';
import { parametersOf } from '../kit/parameters.ts';
import { acceptanceOf, openTemporaryStore, type TemporaryStore } from '../kit/store.ts';

let temporary: TemporaryStore;
let root: string;

beforeEach(async () => {
  temporary = await openTemporaryStore(quietLog);
  root = join(temporary.folder, 'disk');
  for (const address of ['xixi@b.example', 'maomao@a.example', 'xixi@a.example'])
    await temporary.store.directory.create({ address, passwordHash: '', quota: 0 });
});
afterEach(() => temporary.close());

/** Below the root of the other machine's disk. */
function put(name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), text, 'latin1');
}

function maildir(name: string, subject: string): void {
  put(`${name}/cur/1.a:2,S`, `Subject: ${subject}\n\n`);
  put(`${name}/dovecot-uidlist`, '3 V77 N9 G00\n7 :1.a\n');
}

async function run(conf: string, given: Record<string, unknown> = {}): Promise<TransferReport> {
  put('etc/dovecot/dovecot.conf', conf);
  const services = {
    store: temporary.store,
    server: null,
    defaultDomain: 'a.example',
    parameters: parametersOf({}),
    progress: () => {},
  } as unknown as AdminServices;
  const report = await dovecotMailOperations['import.mail.dovecot']?.(services, {
    path: join(root, 'etc/dovecot'),
    root,
    ...given,
  });
  return report as TransferReport;
}

/** `UID|flags|text` of each message. */
async function messages(address: string, name = 'INBOX'): Promise<string[]> {
  const { directory, mailboxes, content } = temporary.store;
  const found = await mailboxes.find((await directory.find(address))?.id ?? 0, name);
  const lines: string[] = [];
  for await (const rows of mailboxes.rows(found?.id ?? 0, EVERY_UID, {}))
    for (const row of rows)
      lines.push([row.uid, row.flags.join(' '), (await content.read(row.content)).toString().trim()].join('|'));
  return lines;
}

async function uses(address: string): Promise<Record<string, string>> {
  const account = (await temporary.store.directory.find(address))?.id ?? 0;
  const all = await temporary.store.mailboxes.list(account);
  return Object.fromEntries(all.filter(({ specialUse }) => specialUse !== '').map((one) => [one.specialUse, one.name]));
}

const added = ({ accounts }: TransferReport) => accounts.map((account) => [account.address, account.added]);
const STATIC = 'userdb {\n  driver = static\n  args = uid=vmail gid=vmail home=/srv/%d/%n\n}\n';

describe('D1, D6: the mail of all accounts of a Dovecot', () => {
  it('is brought once, with UIDs and flags, and what belongs to nobody is said', async () => {
    maildir('srv/a.example/xixi/Maildir', 'a');
    maildir('srv/b.example/xixi/Maildir', 'b');
    maildir('srv/b.example/gone/Maildir', 'gone');
    mkdirSync(join(root, 'srv/a.example/lost+found'));
    const conf = `mail_location = maildir:~/Maildir\n${STATIC}`;
    const report = await run(conf);
    expect(added(report)).toEqual([
      ['xixi@a.example', 1],
      ['xixi@b.example', 1],
    ]);
    expect(report.problems).toEqual([]);
    expect(report.notes).toEqual([
      `maomao@a.example: has no mail in ${root}/srv/a.example/maomao/Maildir, ${root}/srv/maomao/Maildir`,
      `${root}/srv/b.example/gone/Maildir: mail without an account here; "posthorn user add gone@b.example" makes it`,
    ]);
    expect(await messages('xixi@a.example')).toEqual(['7|\\Seen|Subject: a']);
    expect(await messages('xixi@b.example')).toEqual(['7|\\Seen|Subject: b']);
    put('srv/a.example/xixi/Maildir/cur/2.b:2,', 'Subject: new\n\n');
    put('srv/a.example/xixi/Maildir/dovecot-uidlist', '3 V77 N10 G00\n7 :1.a\n9 :2.b\n');
    expect(added(await run(conf))).toEqual([
      ['xixi@a.example', 1],
      ['xixi@b.example', 0],
    ]);
    expect(await messages('xixi@a.example')).toEqual(['7|\\Seen|Subject: a', '9||Subject: new']);
  });

  it('of one account alone says nothing of the others', async () => {
    maildir('srv/b.example/xixi/Maildir', 'b');
    maildir('srv/b.example/gone/Maildir', 'gone');
    const conf = `mail_location = maildir:~/Maildir\n${STATIC}`;
    const report = await run(conf, { users: ['xixi@b.example'] });
    expect(report).toMatchObject({ accounts: [{ address: 'xixi@b.example', added: 1 }], notes: [], problems: [] });
    await expect(run(conf, { users: ['nobody'] })).rejects.toThrow('posthorn user add nobody@a.example');
  });

  it('is found by the homes of /etc/passwd, of passwd-files and of a prefetch', async () => {
    put('etc/passwd', 'xixi:x:1000:1000:Xi Xi:/home/x:/bin/sh\nhaha:x:1001:1001::/home/haha:/bin/sh\n');
    put('etc/users', 'maomao@a.example:{PLAIN}x:8:8::/pool/mao::userdb_quota=1 userdb_mail=maildir:~/other\n');
    put('etc/b.example', 'xixi:{PLAIN}x::::::userdb_home=/pool/xb\n');
    maildir('home/x/Maildir', 'x');
    maildir('home/haha/Maildir', 'haha');
    maildir('pool/mao/other', 'mao');
    const report = await run(
      'mail_location = maildir:~/Maildir\nuserdb {\n  driver = passwd\n}\npassdb {\n  driver = passwd-file\n  args = scheme=PLAIN /etc/users\n}\nuserdb {\n  driver = prefetch\n}\n',
    );
    expect(added(report)).toEqual([
      ['maomao@a.example', 1],
      ['xixi@a.example', 1],
    ]);
    expect(report.notes).toEqual([
      'xixi@b.example: is no user in the files of its userdb',
      `${root}/home/haha/Maildir: mail without an account here; "posthorn user add haha@a.example" makes it`,
    ]);
    expect(await messages('maomao@a.example')).toEqual(['7|\\Seen|Subject: mao']);
  });

  it('never goes to two accounts, nor to one whose link leads to it', async () => {
    maildir('srv/xixi', 'mine');
    mkdirSync(join(root, 'srv/maomao'));
    symlinkSync('../xixi/cur', join(root, 'srv/maomao/cur'));
    lchownSync(join(root, 'srv/maomao/cur'), 12_345, 12_345);
    const report = await run('mail_location = maildir:/srv/%n\n');
    expect(added(report)).toEqual([['xixi@a.example', 1]]);
    expect(report.problems.map(({ account, problem }) => `${account} ${problem}`)).toEqual([
      expect.stringMatching(/^maomao@a.example .*srv\/maomao\/cur: a symbolic link that a user has made/),
      `xixi@b.example ${root}/srv/xixi: is the mail of xixi@a.example; it was not brought a second time`,
    ]);
    rmSync(join(root, 'srv/maomao'), { recursive: true });
    symlinkSync('xixi', join(root, 'srv/maomao'));
    expect((await run('mail_location = maildir:/srv/%n\n', { users: ['maomao'] })).problems).toEqual([]);
  });

  it('of mbox files has INBOX and folders', async () => {
    const FROM = 'From a@b Fri Jan 10 07:11:12 2020\n';
    put('etc/passwd', 'xixi:x:1000:1000::/home/xixi:/bin/sh\nmaomao:x:1001:1001::/home/maomao:/bin/sh\n');
    put('var/mail/xixi', `${FROM}Subject: 1\nX-IMAPbase: 5 9\nX-UID: 3\n\n`);
    put('var/mail/other', `${FROM}Subject: 2\n\n`);
    put('home/maomao/mail/Old', `${FROM}Subject: 3\nX-IMAPbase: 5 9\nX-UID: 4\n\n`);
    const report = await run('mail_location = mbox:~/mail:INBOX=/var/mail/%u\nuserdb {\n  driver = passwd\n}\n');
    expect(report.problems).toEqual([]);
    expect(await messages('xixi@a.example')).toEqual(['3||Subject: 1']);
    expect(await messages('maomao@a.example', 'Old')).toEqual(['4||Subject: 3']);
    expect(report.notes).toContain(
      `${root}/var/mail/other: mail without an account here; "posthorn user add other@a.example" makes it`,
    );
  });

  it('has the special uses and namespaces of the configuration', async () => {
    for (const folder of ['', '/.Gesendet', '/.Sent']) maildir(`srv/xixi${folder}`, `in${folder}`);
    put('srv/xixi/subscriptions', 'V\t2\n\nGesendet\n');
    rmSync(join(root, 'srv/xixi/.Sent/cur/1.a:2,S'));
    maildir('old/xixi/.Y2019', 'old');
    maildir('old/xixi', 'top');
    const report = await run(`mail_location = maildir:/srv/%n
namespace inbox {
  inbox = yes
  prefix = INBOX.
  separator = .
}
namespace inbox {
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Gesendet {
    special_use = \\Sent
  }
  mailbox Missing {
    special_use = \\Trash
  }
}
namespace {
  prefix = Old.
  location = maildir:/old/%n
}
namespace everybody {
  type = public
  location = maildir:/public
}
`);
    expect(report.problems.filter(({ account }) => account === 'xixi@a.example')).toEqual([]);
    expect(await uses('xixi@a.example')).toMatchObject({ '\\Sent': 'Gesendet', '\\Trash': 'Trash' });
    expect(await messages('xixi@a.example', 'Old/Y2019')).toEqual(['7|\\Seen|Subject: old']);
    expect(await messages('xixi@a.example', 'Old/INBOX')).toEqual(['7|\\Seen|Subject: top']);
    expect(report.notes.join('\n')).toMatch(/"INBOX\.NAME" is "NAME" here[\s\S]*everybody.*not brought/);
  });

  it('leaves a special use with a mailbox here that has mail', async () => {
    const { store } = temporary;
    const account = (await store.directory.find('xixi@a.example'))?.id ?? 0;
    await store.accept(acceptanceOf('arrived', Buffer.from('Subject: here\r\n\r\n'), { account, mailbox: 'Sent' }));
    maildir('srv/xixi', 'in');
    maildir('srv/xixi/.Gesendet', 'out');
    const report = await run(
      'mail_location = maildir:/srv/%n\nnamespace {\n  inbox = yes\n  mailbox Gesendet {\n    special_use = \\Sent\n  }\n}\n',
    );
    expect(report.accounts[0]?.notes).toContain('Gesendet: is not \\Sent, for "Sent" here has mail and is');
    expect(await uses('xixi@a.example')).toMatchObject({ '\\Sent': 'Sent' });
  });

  test.each<readonly [string, Record<string, unknown>, RegExp]>([
    [
      'mail_location = sdbox:~/sdbox\n',
      {},
      /dovecot\.conf:1: sdbox is a format that only Dovecot reads.*doveadm backup/,
    ],
    ['mail_location = maildir:~/Maildir:LAYOUT=fs\n', {}, /"LAYOUT=fs" is not read here; .*"doveadm backup/],
    ['mail_location = maildir:~/Maildir\n', {}, /its home directory is not known/],
    ['mail_location = maildir:/srv/%2.256Nu\n', {}, /%2\.256Nu is not known here/],
    ['\n', {}, /mail_location is not set/],
    ['mail_location = sdbox:~/x\n', { location: 'Maildir' }, /^--location: "Maildir": expected maildir:PATH/],
  ])('%j says for each account what to do', async (conf, given, words) => {
    const { accounts, problems } = await run(conf, given);
    expect([accounts, problems.length]).toEqual([[], 3]);
    expect(problems[0]?.problem).toMatch(words);
  });

  it('is where --location says, whatever the configuration has', async () => {
    maildir('srv/copy/xixi@b.example', 'copied');
    const report = await run('mail_location = mdbox:~/mdbox\nuserdb {\n  driver = sql\n}\n', {
      location: 'maildir:/srv/copy/%u',
    });
    expect(added(report)).toEqual([['xixi@b.example', 1]]);
    expect(report.notes.at(-1)).toMatch(/userdb sql is not read; --location/);
  });

  it('is not looked for without a configuration, or with a broken one', async () => {
    await expect(run('userdb {\n')).rejects.toThrow('is never closed');
    await expect(run('', { path: root })).rejects.toThrow('name the folder of dovecot.conf');
  });
});

describe('D1: variables of paths', () => {
  const values = { user: 'Xi.Xi@a.example', home: '/home/x' };
  test.each([
    ['~/Maildir', '/home/x/Maildir'],
    ['/srv/%d/%1n/%n', '/srv/a.example/X/Xi.Xi'],
    ['/srv/%1.2Un/%Lu', '/srv/I./xi.xi@a.example'],
    ['/srv/%{user | username | lower}%%', '/srv/xi.xi%'],
    ['%h/%{domain}', '/home/x/a.example'],
  ])('%s', (template, path) => {
    expect(expandPath(template, values)).toBe(path);
  });

  test.each(['%i', '%Hu', '%{user|sha1}', '%{constructor}', '%{user|toString}'])('%s is no guess', (template) => {
    expect(() => expandPath(template, values)).toThrow('is not known here');
  });

  test.each([
    'maildir:/a:INBOX=/b',
    'maildir:/a:CONTROL=/b',
    'mbox:/a:LAYOUT=maildir++',
    'maildir:',
    'mdbox:/x',
    'maildir:x',
  ])('a location %s is not read', (location) => {
    expect(parseLocation(location)).toEqual(expect.any(String));
  });
});
