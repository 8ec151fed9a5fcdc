/** Mail to commands and files of aliases, with real programs: what they get, what stays, and those that misbehave. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEXT, OK } from '../../../src/bus/plugin.ts';
import { commandLine } from '../../../src/delivery/local/command-line.ts';
import type { LocalTarget } from '../../../src/mail/local-target.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openHouse, type TestHouse } from '../house.ts';

let folder: string;
let house: TestHouse;
/** The members of each alias. */
const aliases: Record<string, readonly string[]> = {};

/** Of root, commands are run by nobody: it must reach them. */
const ours = userInfo().username === 'root' ? 'nobody' : userInfo().username;

beforeAll(async () => {
  folder = temporaryFolder('target');
  chmodSync(folder, 0o777);
  house = await openHouse({
    settings: {
      default_privs: ours,
      command_time_limit: '1s',
      recipient_delimiter: '+',
      queue_directory: '/',
      export_environment: 'FOO=bar',
      mailbox_size_limit: '3000',
      deliver_lock_attempts: '1',
    },
    handlers: {
      expand: ({ recipient, into }) => {
        if (recipient.address === 'list@baidu.com') {
          into.push({ ...recipient, address: 'member@elsewhere.example', sender: 'owner-list@baidu.com' });
          return OK;
        }
        const members = aliases[recipient.address.split(/[+@]/)[0] ?? ''];
        if (members === undefined) return NEXT;
        for (const member of members) {
          const kind: LocalTarget['kind'] = member.startsWith('|') ? 'command' : 'file';
          const text = member.replace(/^\|/, '').replaceAll('DIR', folder);
          into.push({ ...recipient, target: { kind, text, user: null, source: null } });
        }
        return OK;
      },
    },
  });
  house.runner.start();
});
afterAll(async () => {
  await house.stop();
  removeFolder(folder);
});

const TEXT =
  'Message-Id: <1@x>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: a@b.example\r\nTo: c@d.example\r\nSubject: s\r\n\r\nbody\r\nFrom me\r\n.dot\r\n';

/** Sends to an alias of these members; what the log says of each. */
async function deliver(
  name: string,
  members: readonly string[],
  text = TEXT,
  reversePath = 'a@b.example',
  to = [`${name}+Ext@baidu.com`],
): Promise<string[]> {
  aliases[name] = members;
  house.lines.length = 0;
  expect((await house.submit({ to, reversePath }, text)).code).toBe(250);
  await house.runner.idle();
  return house.lines
    .filter((line) => line.includes('postfix/local:') && line.includes(`to=<${name}+`))
    .map((line) => line.replace(/^.*(dsn=.*)$/s, '$1').replaceAll(folder, 'DIR'));
}
const read = (name: string): string =>
  readFileSync(join(folder, name), 'utf8')
    .replace(/^Received:.*\n(?:\t.*\n)*/gm, '')
    .replace(/(^From \S+ {2}).*$/gm, '$1DATE');
const PREFIX = (to: string): string =>
  `From a@b.example  DATE\nReturn-Path: <a@b.example>\nX-Original-To: ${to}\nDelivered-To: ${to}\n`;

describe('P10: a command of an alias', () => {
  it('reads the message and is told its recipient, and nothing of a message is read by a shell', async () => {
    const log = await deliver('env', ['|cat > DIR/in; env > DIR/env'], TEXT, '"$(id)`id`;"@b.example');
    expect(log).toEqual(['dsn=2.0.0, status=sent (delivered to command: cat > DIR/in; env > DIR/env)']);
    expect(read('in')).toContain('X-Original-To: env+Ext@baidu.com\nDelivered-To: env+Ext@baidu.com\n');
    expect(read('in')).toContain('\nbody\nFrom me\n.dot\n');
    expect(
      read('env')
        .split('\n')
        .filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=|^$/.test(line))
        .sort(),
    ).toEqual([
      'DOMAIN=baidu.com',
      'EXTENSION=ext',
      'FOO=bar',
      'LOCAL=env+ext',
      'LOGNAME=env',
      'ORIGINAL_RECIPIENT=env+Ext@baidu.com',
      'PATH=/usr/bin:/bin',
      'RECIPIENT=env+Ext@baidu.com',
      'SENDER=__id__id__@b.example',
      'USER=env',
    ]);
  });

  it.each([
    ['exit 3', 'dsn=5.3.0, status=bounced (Command died with status 3: "exit 3")'],
    ['exit 75', 'dsn=4.3.0, status=deferred (temporary failure)'],
    ['echo nobody; exit 67', 'dsn=5.1.1, status=bounced (user unknown. Command output: nobody )'],
    ['echo 5.2.2 full; exit 75', 'dsn=5.2.2, status=bounced (full )'],
    ['kill -9 $$', 'dsn=4.3.0, status=deferred (Command died with signal 9: "kill -9 $$")'],
    [
      '/no/such/thing -x',
      'dsn=4.3.0, status=deferred (temporary failure. Command output: local: fatal: execvp /no/such/thing: No such file or directory )',
    ],
    ['/bin/sleep 50', 'dsn=5.3.0, status=bounced (Command time limit exceeded: "/bin/sleep 50")'],
  ])('%s: its end as local(8) understands it', async (command, expected) => {
    expect(await deliver('end', [`|${command}`])).toEqual([expected]);
  });

  it('has bounded output, and what it started ends with it', async () => {
    const [line = ''] = await deliver('endless', ['|sleep 50 & echo $! > DIR/pid; yes line']);
    expect(line.length).toBeLessThan(4300);
    const pid = read('pid').trim();
    const state = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] : 'gone';
    expect(['Z', 'gone']).toContain(state);
  });

  it('that fails keeps nobody else from the mail', async () => {
    expect(await deliver('both', ['|exit 67', '/DIR/both'])).toEqual([
      'dsn=5.1.1, status=bounced (user unknown)',
      'dsn=2.0.0, status=sent (delivered to file: /DIR/both)',
    ]);
  });

  it('once: a message that it has had already loops', async () => {
    expect(await deliver('loop', ['|exit 0'], `Delivered-To: LOOP+ext@baidu.com\r\n${TEXT}`)).toEqual([
      'dsn=5.4.6, status=bounced (mail forwarding loop for loop+Ext@baidu.com)',
    ]);
  });
});

describe('P10: a file of an alias', () => {
  it('is appended to in mbox form', async () => {
    const sent = 'dsn=2.0.0, status=sent (delivered to file: DIR/mbox)';
    expect([...(await deliver('mbox', ['DIR/mbox'])), ...(await deliver('mbox', ['DIR/mbox']))]).toEqual([sent, sent]);
    const one = `${PREFIX('mbox+Ext@baidu.com')}${TEXT.replaceAll('\r', '').replace('\nFrom me', '\n>From me')}\n`;
    expect(read('mbox')).toBe(one + one);
    expect(statSync(join(folder, 'mbox')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, 'mbox.lock'))).toBe(false);
  });

  it('is a Maildir where its name ends with a slash', async () => {
    expect(await deliver('dir', ['DIR/md/'])).toEqual(['dsn=2.0.0, status=sent (delivered to maildir)']);
    expect(readdirSync(join(folder, 'md')).sort()).toEqual(['cur', 'new', 'tmp']);
    const [name = ''] = readdirSync(join(folder, 'md/new'));
    expect(readdirSync(join(folder, 'md/tmp'))).toEqual([]);
    expect(read(join('md/new', name))).toMatch(
      /^Return-Path: <a@b\.example>\nX-Original-To: dir.*\nDelivered-To: dir.*\nMessage-Id: /,
    );
  });

  it('is left as it was where the message is too large for it, locked, or cannot be opened', async () => {
    await deliver('full', ['DIR/full']);
    const before = read('full');
    expect(await deliver('full', ['DIR/full'], `${TEXT}${'x'.repeat(3000)}\r\n`)).toEqual([
      'dsn=5.2.2, status=bounced (cannot append message to file DIR/full: error writing message: File too large)',
    ]);
    writeFileSync(join(folder, 'full.lock'), '');
    expect(await deliver('full', ['DIR/full'])).toEqual([
      'dsn=4.2.0, status=deferred (cannot append message to file DIR/full: unable to lock for exclusive access: Resource temporarily unavailable)',
    ]);
    expect(read('full')).toBe(before);
    expect(existsSync(join(folder, 'full.lock'))).toBe(true);
    mkdirSync(join(folder, 'isdir'));
    // Both at a time: either may be the first.
    expect((await deliver('isdir', ['DIR/isdir', 'DIR/none/mbox'])).sort()).toEqual([
      'dsn=5.2.0, status=bounced (cannot append message to file DIR/isdir: cannot open file: Is a directory)',
      'dsn=5.2.0, status=bounced (cannot append message to file DIR/none/mbox: cannot create file exclusively: No such file or directory)',
    ]);
  });

  it('whose name means something to a shell is only a name', async () => {
    await deliver('odd', ['DIR/$(touch z); x']);
    expect(existsSync(join(folder, '$(touch z); x'))).toBe(true);
    expect(existsSync(join(folder, 'z'))).toBe(false);
  });
});

describe('P10: the owner of an alias', () => {
  it('is the sender of what its members get, and of nothing else', async () => {
    const to = ['list@baidu.com', 'direct@elsewhere.example'];
    house.lines.length = 0;
    await house.submit({ to, reversePath: 'a@b.example' }, TEXT, {
      prepare: (transaction) => {
        transaction.hold = 'to be looked at';
      },
    });
    const held = (await house.queue()).filter(({ state }) => state === 'hold');
    expect(held.map(({ reversePath, recipient, original }) => [reversePath, recipient, original])).toEqual([
      ['owner-list@baidu.com', 'member@elsewhere.example', ''],
      ['a@b.example', 'direct@elsewhere.example', 'direct@elsewhere.example'],
    ]);
  });
});

describe('P10: how a command is started', () => {
  it.each([
    ['/bin/date -u', '', ['/bin/date', '-u']],
    [' /usr/bin/wc  -c ', '', ['/usr/bin/wc', '-c']],
    ['/bin/cat > x', '', ['sh', '-c', '/bin/cat > x']],
    ['exit 3', '', ['sh', '-c', 'exit 3']],
    ['', '', ['sh', '-c', '']],
    ['/bin/date -u', '/usr/bin/smrsh -c', ['/usr/bin/smrsh', '-c', '/bin/date -u']],
  ])('%j with local_command_shell = %j', (text, shell, expected) => {
    expect(commandLine(text, shell)).toEqual(expected);
  });
});
