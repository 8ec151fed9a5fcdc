/** The commands of other programs under their names, beside a running server and without one (requirement P4). */
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Ran, run as runProgram } from '../interop/program.ts';
import { removeFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../kit/server.ts';

vi.setConfig({ testTimeout: 90_000 });

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'alias_maps = hash:/etc/aliases',
  'alias_database = hash:/etc/aliases',
  'relayhost = [127.0.0.1]:9',
  '',
].join('\n');

const ZONE = '$TTL 60\n@ IN SOA ns admin 7 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\n';
const NAMED = 'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n';

let folders: ReturnType<typeof makeFolders>;
beforeAll(() => {
  folders = makeFolders({
    'main.cf': MAIN,
    'named.conf': NAMED,
    zone: ZONE,
    aliases: 'team: maomao,  outside@example.org\nroot: maomao\n',
  });
});
afterAll(() => removeFolder(folders.root));

const run = (words: readonly string[], input = ''): Promise<Ran> =>
  runProgram(process.execPath, [BINARY, ...words, '--config', folders.config, '--data', folders.data], {
    input,
    cwd: folders.root,
  });

describe('tables', () => {
  it('P4: postmap answers from the text, one key or many', async () => {
    writeFileSync(join(folders.root, 'access'), 'a.example REJECT\nB.Example OK  now\n');
    expect(await run(['postmap', '-q', 'b.example', 'hash:access'])).toEqual({ code: 0, out: 'OK  now\n', err: '' });
    expect(await run(['postmap', '-qnone', 'hash:access'])).toEqual({ code: 1, out: '', err: '' });
    expect(await run(['postmap', '-q', '-', 'hash:access', 'inline:{c=d}'], 'c\nnone\nA.example\n')).toEqual({
      code: 0,
      out: 'c\td\nA.example\tREJECT\n',
      err: '',
    });
    expect(await run(['postmap', '-s', 'hash:access'])).toMatchObject({
      out: 'a.example\tREJECT\nb.example\tOK  now\n',
    });
  });

  it('postmap and newaliases check a table instead of indexing it, and say so', async () => {
    writeFileSync(join(folders.root, 'bad'), 'a b\nnovalue\n');
    expect(await run(['postmap', 'hash:bad'])).toEqual({
      code: 0,
      out: 'hash:bad: checked; no index is needed: its text is read directly\n',
      err: `postmap: warning: ${folders.root}/bad:2: "novalue": expected "key value": this line is ignored\n`,
    });
    expect(await run(['newaliases'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('hash:/etc/aliases: checked'),
    });
    expect(await run(['postmap', 'hash:nosuch'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^postmap: fatal: .*nosuch: there is no such file\n$/),
    });
  });

  it('what changes an index is refused and says what to do', async () => {
    expect(await run(['postmap', '-d', 'a', 'hash:access'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('edit the text, which is read directly'),
    });
  });

  it('postalias prints targets as Postfix stores them, and names in any case', async () => {
    expect(await run(['postalias', '-q', 'TEAM', 'hash:/etc/aliases'])).toMatchObject({
      code: 0,
      out: 'maomao, outside@example.org\n',
    });
  });
});

describe('without a server', () => {
  it('wrong options get the usage and the exit code of the command', async () => {
    expect(await run(['postqueue', '-x'])).toMatchObject({
      code: 69,
      err: expect.stringMatching(/^postqueue: invalid option -- 'x'\npostqueue: fatal: usage: postqueue -f \|/),
    });
    expect(await run(['postmap'])).toMatchObject({ code: 1, err: expect.stringContaining('fatal: usage: postmap [-') });
  });

  it('a submission without the folder for it is not lost silently', async () => {
    expect(await run(['sendmail', 'maomao'], 'Subject: x\n\nhello\n')).toMatchObject({
      code: 75,
      err: expect.stringMatching(/^sendmail: fatal: .*maildrop: the message was not kept \(ENOENT\)/),
    });
  });
});

describe('with a server', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      files: {},
      folders,
      portOffset: await freeOffset(),
      accounts: { 'maomao@example.test': 'maomao' },
    });
  });
  afterAll(() => server.stop({ keep: true }));

  /** The queue as JSON, as soon as it is as expected. */
  async function queue(expected: (messages: readonly Record<string, unknown>[]) => boolean): Promise<string[]> {
    let messages: Record<string, unknown>[] = [];
    for (let tries = 0; tries < 25; tries += 1) {
      const { out } = await run(['postqueue', '-j']);
      messages = out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      if (expected(messages)) return messages.map((message) => String(message['queue_id']));
    }
    throw new Error(`the queue stays: ${JSON.stringify(messages)}`);
  }

  it('P4: sendmail, postqueue, postcat and postsuper manage a message', async () => {
    const message = 'Subject: x\nTo: a@example.org\nBcc: b@example.org\n\nhello\n.\nnot this\n';
    expect(await run(['sendmail', '-t', '-f', 'maomao', '-F', 'Mao Mao'], message)).toEqual({
      code: 0,
      out: '',
      err: '',
    });
    const [id = ''] = await queue(
      ([first]) => first?.['queue_name'] === 'deferred' && (first['recipients'] as unknown[]).length === 2,
    );
    const shown = await run(['postcat', '-q', id]);
    expect(shown.out).toMatch(/^\*\*\* ENVELOPE RECORDS deferred\/\w+ \*\*\*\n/);
    expect(shown.out).toContain('sender: maomao@example.test\n');
    expect(shown.out).toContain('From: Mao Mao <maomao@example.test>\n');
    expect((await run(['postcat', '-bq', id])).out).toBe('\nhello\n');
    expect((await run(['postcat', '-hq', id])).out).not.toContain('Bcc');
    expect(await run(['postcat', '-q', 'nosuch'])).toMatchObject({
      code: 1,
      err: 'postcat: fatal: open queue file nosuch: No such file or directory\n',
    });
    expect((await run(['queue', 'show', id])).out).toMatch(/of maomao@example\.test: \d+ octets[\s\S]*hello\r?\n$/);

    expect(await run(['postsuper', '-h', '-'], `${id}\nnosuch\n`)).toEqual({
      code: 0,
      out: '',
      err: `postsuper: ${id}: placed on hold\npostsuper: Placed on hold: 1 message\n`,
    });
    expect((await run(['mailq'])).out).toContain(`${id}!`);
    expect((await run(['postsuper', '-d', 'ALL', 'deferred'])).err).toBe('postsuper: Deleted: 0 messages\n');
    expect((await run(['postsuper', '-H', 'ALL'])).err).toBe('postsuper: Released from hold: 1 message\n');
    expect(await run(['postqueue', '-i', id])).toEqual({ code: 0, out: '', err: '' });
    expect((await run(['queue', 'list', '--recipient', 'nobody@example.org'])).out).toBe('Mail queue is empty\n');
    expect((await run(['queue', 'delete', '--sender', 'maomao@example.test'])).out).toBe('2 recipients removed.\n');
    expect((await run(['mailq'])).out).toBe('Mail queue is empty\n');
  });

  it('P4: sendmail -bs speaks SMTP on standard input and output', async () => {
    const dialog = [
      'EHLO x',
      'RCPT TO:<a>',
      'MAIL FROM:<maomao> BODY=8BITMIME',
      'RCPT TO:<>',
      'RCPT TO:<maomao>',
      'DATA',
      'Subject: from a library',
      '',
      '..a dot',
      '.',
      'MAIL FROM:<x> FOO=1',
      'FOO',
      'MAIL FROM:<maomao>',
      'RSET',
      'DATA',
      'MAIL FROM:<maomao>',
      'RCPT TO:<maomao>',
      'DATA',
      'Subject: cut off',
      '',
    ];
    const { out } = await run(['sendmail', '-bs'], dialog.join('\r\n'));
    expect(out.replaceAll(/^\S+-.*\r\n/gm, '').split('\r\n')).toEqual([
      expect.stringMatching(/^220 \S+ ESMTP Posthorn$/),
      '250 SMTPUTF8',
      '503 5.5.1 Error: need MAIL command',
      '250 2.1.0 Ok',
      '501 5.1.3 Bad recipient address syntax',
      '250 2.1.5 Ok',
      '354 End data with <CR><LF>.<CR><LF>',
      '250 2.0.0 Ok: queued',
      '555 5.5.4 Unsupported option: FOO=1',
      '500 5.5.2 Error: command not recognized',
      '250 2.1.0 Ok',
      '250 2.0.0 Ok',
      '503 5.5.1 Error: need RCPT command',
      '250 2.1.0 Ok',
      '250 2.1.5 Ok',
      '354 End data with <CR><LF>.<CR><LF>',
      '451 4.3.0 Error: queue file write error',
      '',
    ]);
    const log = (): string => readFileSync(join(folders.data, 'log', 'mail.jsonl'), 'utf8');
    await expect.poll(log, { timeout: 10_000 }).toMatch(/to=<maomao@example\.test>.*status=sent/);
    expect(log().match(/pickup".*uid=/g)).toHaveLength(2);
  });

  it('S3: testsaslauthd and doveadm try a login', async () => {
    expect(await run(['testsaslauthd', '-u', 'maomao', '-p', 'maomao'])).toEqual({
      code: 0,
      out: '0: OK "Success."\n',
      err: '',
    });
    expect(await run(['testsaslauthd', '-u', 'maomao', '-r', 'example.test', '-p', 'wrong'])).toEqual({
      code: 255,
      out: '0: NO "authentication failed"\n',
      err: '',
    });
    expect(await run(['doveadm', 'auth', 'test', 'maomao', 'maomao'])).toEqual({
      code: 0,
      out: 'passdb: maomao auth succeeded\nextra fields:\n  user=maomao@example.test\n',
      err: '',
    });
    // Without a password in the list of processes.
    expect(await run(['doveadm', 'auth', 'test', 'nobody'], 'x\n')).toMatchObject({ code: 77 });
    expect((await run(['doveadm', 'user', '*'])).out).toBe('maomao@example.test\n');
    expect((await run(['doveadm', 'user', 'maomao'])).out).toMatch(/^field\tvalue\nuser\tmaomao@example\.test\n/);
    expect(await run(['doveadm', 'user', 'nobody'])).toMatchObject({
      code: 67,
      err: "\nuserdb lookup: user nobody doesn't exist\n",
    });
  });

  it('S3: a password is hashed by doveadm pw, and the account takes the hash', async () => {
    const hash = (await run(['doveadm', 'pw', '-s', 'SHA512-CRYPT', '-p', 'sesame'])).out;
    expect(hash).toMatch(/^\{SHA512-CRYPT\}\$6\$/);
    expect(await run(['user', 'add', 'hashed', '--password-hash-stdin'], hash)).toMatchObject({ code: 0 });
    expect(await run(['testsaslauthd', '-u', 'hashed', '-p', 'sesame'])).toMatchObject({ code: 0 });
    expect(await run(['user', 'remove', 'hashed'])).toMatchObject({ code: 0 });
  });

  it.runIf(process.platform === 'linux')('ps, ss and top call it posthorn', () => {
    expect(readFileSync(`/proc/${server.pid}/comm`, 'utf8')).toBe('posthorn\n');
  });

  it('P4: rndc, named-checkzone and named-checkconf', async () => {
    expect((await run(['rndc', 'status'])).out).toMatch(/^version: Posthorn [\s\S]*\nserver is up and running\n$/);
    expect((await run(['rndc', 'reload'])).out).toMatch(/^server reload successful\n/);
    expect(await run(['rndc', 'stop'])).toMatchObject({ code: 1, err: expect.stringContaining('mail would stop too') });
    const zone = join(folders.config, 'zone');
    expect(await run(['named-checkzone', 'example.test', zone])).toEqual({
      code: 0,
      out: 'zone example.test/IN: loaded serial 7\nOK\n',
      err: '',
    });
    expect(await run(['named-checkconf', '-z'])).toMatchObject({
      code: 0,
      out: 'zone example.test/IN: loaded serial 7\n',
    });
    expect((await run(['named-checkconf', '-l'])).out).toBe('example.test IN _default master\n');
  });

  it('P4: mail that was submitted while the server was down is accepted when it runs again', async () => {
    await server.stop({ keep: true });
    expect(await run(['sendmail', 'maomao'], 'Subject: while it was down\n\nhello\n')).toMatchObject({ code: 0 });
    expect(await run(['postqueue', '-f'])).toMatchObject({
      code: 69,
      err: expect.stringContaining('postqueue: fatal: Cannot flush mail queue - mail system is down'),
    });
    expect(await run(['mailq'])).toMatchObject({
      code: 0,
      out: 'Mail queue is empty\n',
      err: expect.stringMatching(/^mailq: warning: Mail system is down -- accessing queue directly/),
    });
    server = await startServer({ files: {}, folders, portOffset: await freeOffset() });
    const log = (): string => readFileSync(join(folders.data, 'log', 'mail.jsonl'), 'utf8');
    await expect.poll(log, { timeout: 10_000 }).toMatch(/to=<maomao@example\.test>.*status=sent/);
  });
});

describe('words of tutorials that are not needed', () => {
  it.each([
    ['systemctl restart postfix', '"posthorn reload" applies every setting without a restart'],
    ['service dovecot start', '"posthorn start" starts all of them'],
    ['useradd xixi', '"posthorn user add USER"'],
    ['saslpasswd2 -c xixi', '"posthorn user add USER"'],
    ['chkconfig saslauthd on', '"systemctl enable posthorn"'],
  ])('posthorn %s says in one line what to type instead', async (line, instead) => {
    const words = line.split(' ');
    const { code, out, err } = await runProgram(process.execPath, [BINARY, ...words]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^posthorn: [^\n]*\n$/);
    expect(err).toContain(`${words[0]}: `);
    expect(err).toContain(instead);
  });
});

describe('posthorn install-links', () => {
  it('P4: makes each name a link to a script that knows the folders; foreign files stay', async () => {
    const bin = join(folders.root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'sendmail'), 'another');
    expect(await run(['install-links', bin])).toMatchObject({
      code: 1,
      err: `${bin}/sendmail: there is a file of this name already; --force replaces it\n`,
    });
    expect(readFileSync(join(bin, 'sendmail'), 'utf8')).toBe('another');
    expect(await run(['install-links', bin, '--force'])).toMatchObject({ code: 0, err: '' });
    expect(lstatSync(join(bin, 'sendmail')).isSymbolicLink()).toBe(true);
    const postconf = await runProgram(join(bin, 'postconf'), ['-h', 'myhostname']);
    expect(postconf).toEqual({ code: 0, out: 'mail.example.test\n', err: '' });
    expect(await runProgram(join(bin, 'posthorn'), ['postmap', '-q', 'c', 'inline:{c=d}'])).toMatchObject({
      out: 'd\n',
    });
    expect(existsSync(join(bin, 'useradd'))).toBe(false);
  });

  it('a link to the binary itself works too', async () => {
    const link = join(folders.root, 'postmap');
    symlinkSync(BINARY, link);
    expect(await runProgram(process.execPath, [link, '-q', 'c', 'inline:{c=d}'])).toMatchObject({
      code: 0,
      out: 'd\n',
    });
  });
});
