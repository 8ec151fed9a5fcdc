/** Starting and stopping on the command line: what is printed, what is refused, what a signal does. */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { finish, type Launched, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';

const BAIDU = fileURLToPath(new URL('../../lab/baidu', import.meta.url));
const SHIPPED = fileURLToPath(new URL('../../config', import.meta.url));
const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nsmtpd_helo_required = no\n';

let root: string;
let offset: number;
const started: Launched[] = [];

beforeAll(async () => {
  root = temporaryFolder('start');
  offset = await freeOffset();
});
afterEach(async () => {
  for (const one of started.splice(0)) {
    one.child.kill('SIGKILL');
    await one.exited;
  }
});
afterAll(() => removeFolder(root));

/** A new folder under the root, from path to text. */
function folder(name: string, files: Readonly<Record<string, string>>): string {
  const directory = join(root, name);
  mkdirSync(directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

function start(config: string, data: string, more: readonly string[] = []): Launched {
  const launched = launch(['start', '--config', config, '--data', data, '--port-offset', String(offset), ...more]);
  started.push(launched);
  return launched;
}

const UP = /Ctrl-C stops/;
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
const client = (port: number, host = '127.0.0.1'): Promise<LineClient> =>
  LineClient.connect({ host, port: port + offset, tls: [465, 993, 995].includes(port) });
const isClosed = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port: port + offset });
    socket.once('error', () => resolve(true));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });

describe('a start', () => {
  it('L9: the folder of the tutorial starts unchanged; the password of the first account is printed once and opens its mailbox', async () => {
    const config = join(root, 'baidu');
    cpSync(BAIDU, config, { recursive: true });
    const data = join(root, 'baidu-data');
    const first = start(config, data);
    await first.shows(UP);
    const out = first.stdout();
    expect(out).toContain('Posthorn serves baidu.com as mail.baidu.com.');
    for (const row of [
      /^service +address +port +TLS$/m,
      /^smtp +127\.0\.1\.134 +\d+ +STARTTLS$/m,
      /^smtps +127\.0\.1\.134 +\d+ +implicit$/m,
    ])
      expect(out).toMatch(row);
    for (const [service, port] of [
      ['imap', 143],
      ['imaps', 993],
      ['pop3', 110],
      ['pop3s', 995],
      ['https', 443],
      ['http', 80],
    ] as const)
      expect(out).toMatch(new RegExp(`^${service} +127\\.0\\.1\\.\\d+ +${port + offset} `, 'm'));
    expect(out).toMatch(/- warning: .*main\.cf:\d+: smtpd_client_restrictions: .*hash:/);
    expect(out).toMatch(/- .*\/etc\/postfix\/virtual/);
    expect(out).toMatch(/tls\/mail\.baidu\.com\.pem: created a self-signed certificate for mail\.baidu\.com/);
    const password = /^Its password, shown only once: (\S+)$/m.exec(out)?.[1] ?? '';
    expect(out).toContain('First account: admin@baidu.com');

    const imap = await client(993, '127.0.1.134');
    await imap.line();
    expect((await imap.imap('a', `LOGIN admin@baidu.com ${password}`)).at(-1)).toMatch(/^a OK /);
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(readFileSync(join(data, 'log/mail.jsonl'), 'utf8')).not.toContain(password);

    const second = start(config, data, ['--json', '--quiet']);
    await second.shows(/\}\n/);
    const told = JSON.parse(second.stdout()) as {
      domain: string;
      firstAccount: unknown;
      listeners: { service: string; port: number; tls: string }[];
    };
    expect(told).toMatchObject({ domain: 'baidu.com', hostname: 'mail.baidu.com', firstAccount: null });
    expect(told.listeners).toContainEqual({
      service: 'smtp',
      address: '127.0.1.134',
      port: 25 + offset,
      tls: 'STARTTLS',
    });
  });

  it('P3: a spawn row at an internet endpoint starts its program for each client', async () => {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? 'nobody' : userInfo().username;
    const config = folder('spawn', {
      'main.cf': MAIN,
      'master.cf': `smtp inet n - y - - smtpd\n127.0.0.1:${port} inet n n n - 0 spawn user=${user} argv=/bin/echo hello from below\n`,
    });
    const launched = start(config, join(root, 'spawn-data'));
    await launched.shows(UP);
    const there = await LineClient.connect({ host: '127.0.0.1', port });
    expect((await there.line()).trim()).toBe('hello from below');
    there.close();
  });

  it('--address replaces inet_interfaces, and --port-offset is validated', async () => {
    const launched = start(folder('address', { 'main.cf': MAIN }), join(root, 'address-data'), [
      '--address',
      '127.0.0.5',
      '--json',
    ]);
    await launched.shows(/\}\n/);
    const { listeners } = JSON.parse(launched.stdout()) as { listeners: { address: string }[] };
    expect(new Set(listeners.map(({ address }) => address))).toEqual(new Set(['127.0.0.5']));
    expect(await finish(['start', '--port-offset', 'many'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected a number from 0 to 60000'),
    });
    expect(await finish(['start', '--address', 'nonsense'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected an IP address'),
    });
  });

  it('G8: all faults of all files are reported at once, with place, expectation and nearest name; nothing is created', async () => {
    const config = folder('faulty', {
      'main.cf': [
        'compatibility_level = 3.6',
        'myhostname = mail.example.test',
        'inet_interfaces = 127.0.0.1',
        'message_size_limit = ten',
        'smtpd_recipient_restrictions = heck_recipient_access hash:access, reject_unauth_destination',
        'alias_maps = hsah:aliases',
        '',
      ].join('\n'),
      access: 'a@b.c REJECT\n',
      'master.cf': 'smtp inet n - n - - smtpd\nsubmission inet n\n',
      'named.conf':
        'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\nzone "x" IN { tipe master; };\n',
      zone: '$TTL 1D\n@ IN SOA ns admin 1 1D 1H 1W 3H\n  IN NS ns\nns IN A 300.1.2.3\n',
      plugins: '# ours\nrestrictions\nrewritting\nthrows\nbroken\n',
      'plugins.d/broken/index.ts': 'const a: number = 1;\nexport default definePlugin(\n',
      'plugins.d/throws/index.ts':
        "import { definePlugin } from 'posthorn/plugin';\nexport default definePlugin({ name: 'throws', register() { throw new Error('needs an apiKey'); } });\n",
    });
    const data = join(root, 'faulty-data');
    const { code, out, err } = await finish([
      'start',
      '--config',
      config,
      '--data',
      data,
      '--port-offset',
      String(offset),
    ]);
    expect(out).toBe('');
    const text = err.replaceAll(config, 'DIR');
    for (const fault of [
      /^The configuration has \d+ faults; nothing was started\.$/m,
      /^DIR\/main\.cf:4: message_size_limit: .*(?:number|ten)/m,
      /^DIR\/main\.cf:5: smtpd_recipient_restrictions: .*heck_recipient_access.*check_recipient_access/m,
      /^DIR\/main\.cf:6: alias_maps: .*hsah.*hash/m,
      /^DIR\/master\.cf:2: /m,
      /^DIR\/named\.conf:3: .*tipe/m,
      /^DIR\/zone:4: .*300\.1\.2\.3/m,
      /^DIR\/plugins:3: plugin rewritting: not found; did you mean rewriting\?/m,
      /^DIR\/plugins:4: plugin throws: needs an apiKey$/m,
      /^DIR\/plugins:5: plugin broken: could not be imported from DIR\/plugins\.d\/broken\/index\.ts:2: Expression expected$/m,
    ])
      expect(text).toMatch(fault);
    expect(code).toBe(78);
    expect(existsSync(data)).toBe(false);
    expect(await isClosed(25)).toBe(true);
    expect(await isClosed(53)).toBe(true);

    const json = await finish(['start', '--config', config, '--data', data, '--json']);
    const { faults } = JSON.parse(json.err) as {
      faults: { file: string; line: number; parameter?: string; message: string }[];
    };
    expect(json.code).toBe(78);
    expect(faults).toContainEqual(
      expect.objectContaining({ file: join(config, 'plugins'), line: 4, message: 'needs an apiKey' }),
    );
    expect(faults).toContainEqual(
      expect.objectContaining({ file: join(config, 'main.cf'), line: 4, parameter: 'message_size_limit' }),
    );
  });

  it('several processes need a store that they can share: with an SQLite file nothing is started', async () => {
    const refusal = 'and an SQLite store is a file that one process owns; leave it out';
    const data = join(root, 'processes-data');
    const set = folder('processes', { 'main.cf': `${MAIN}front_processes = 3\n` });
    expect(await finish(['start', '--config', set, '--data', data])).toMatchObject({
      code: 78,
      err: expect.stringMatching(`main\\.cf:6: front_processes: 3 processes need [^]*${refusal}`),
    });
    const unset = folder('one-process', { 'main.cf': MAIN });
    expect(await finish(['start', '--config', unset, '--data', data, '--processes', '2'])).toMatchObject({
      code: 78,
      err: expect.stringMatching(`given at start: --processes: 2 processes need [^]*${refusal}`),
    });
    expect(await finish(['check', '--config', set])).toMatchObject({ code: 78 });
    expect(await finish(['start', '--processes', '0'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('expected a number from 1 to 99'),
    });
    expect(existsSync(data)).toBe(false);
  });

  it('one process is a start as ever, whichever way it is said', async () => {
    const config = folder('said', { 'main.cf': `${MAIN}front_processes = 1\n` });
    const launched = start(config, join(root, 'said-data'), ['--quiet', '--json', '--processes', '1']);
    await launched.shows(/"listeners"/);
    expect(JSON.parse(launched.stdout())).toMatchObject({ processes: 1 });
    const status = await finish(['status', '--data', join(root, 'said-data'), '--json']);
    expect(JSON.parse(status.out)).toMatchObject({ pid: launched.pid, processes: 1 });
  });

  it('an unusable certificate is a fault too', async () => {
    const config = folder('certificate', {
      'main.cf': `${MAIN}smtpd_tls_cert_file = bad.pem\nsmtpd_tls_key_file = bad.pem\n`,
      'bad.pem': 'hello\n',
    });
    const { code, err } = await finish([
      'start',
      '--config',
      config,
      '--data',
      join(root, 'certificate-data'),
      '--port-offset',
      String(offset),
    ]);
    expect(err).toContain('bad.pem: contains no PEM certificate');
    expect(code).toBe(78);
  });

  it('the next steps name the folders wherever a command would not find them by itself', async () => {
    const config = folder("it's ours", {});
    const data = join(root, 'steps-data');
    const first = start(config, data);
    await first.shows(UP);
    const quoted = `'${config.replace("'", "'\\''")}'`;
    expect(first.stdout()).toContain(
      `Next: npx posthorn user add NAME@DOMAIN --config ${quoted} --data ${data} creates another account; npx posthorn log -f --data ${data} shows what happens.\n` +
        `Settings: there is no main.cf in ${config} yet; write one, and npx posthorn reload --data ${data} applies it. Ctrl-C stops.`,
    );
    writeFileSync(join(config, 'main.cf'), MAIN);
    expect(await finish(['reload', '--data', data])).toMatchObject({ code: 0 });
    first.child.kill('SIGTERM');
    await first.exited;
    const again = start(config, data);
    await again.shows(UP);
    expect(again.stdout()).toContain(
      `Settings: ${config}/main.cf; npx posthorn reload --data ${data} applies them. Ctrl-C stops.`,
    );
  });

  it('a data folder that cannot be created is reported with the remedy', async () => {
    const config = folder('no-folder', { 'main.cf': MAIN });
    const data = join(config, 'main.cf');
    const { code, err } = await finish(['start', '--config', config, '--data', data]);
    expect(err).toMatch(
      /^posthorn: .*main\.cf: cannot be used as the data folder \(.*\); make it writable for this user, or choose another with --data$/m,
    );
    expect(code).toBe(1);
  });

  it('the shipped configuration accepts mail for the first account, also on a machine without a domain', async () => {
    const config = folder('shipped', {});
    cpSync(SHIPPED, config, { recursive: true });
    writeFileSync(
      join(config, 'main.cf'),
      `${readFileSync(join(SHIPPED, 'main.cf'), 'utf8')}\nmyhostname = vm.localdomain\n`,
    );
    await start(config, join(root, 'shipped-data')).shows(/First account: admin@localdomain/);
    const smtp = await client(25);
    await smtp.smtp();
    await smtp.smtp('EHLO vm');
    await smtp.smtp('MAIL FROM:<>');
    expect(await smtp.smtp('RCPT TO:<admin@localdomain>')).toMatch(/^250 /);
    smtp.close();
  });

  it('a port in use is reported with the remedy; the next start still prints the first password', async () => {
    const blocker = createServer().listen(143 + offset, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const config = folder('occupied', { 'main.cf': MAIN });
    const data = join(root, 'occupied-data');
    const { code, out, err } = await finish([
      'start',
      '--config',
      config,
      '--data',
      data,
      '--port-offset',
      String(offset),
    ]);
    await new Promise((resolve) => blocker.close(resolve));
    expect(out).not.toContain('stopped');
    expect(err).toContain(
      `imap: cannot listen on 127.0.0.1:${143 + offset} (EADDRINUSE): another program is listening there`,
    );
    expect(code).toBe(1);
    expect(await isClosed(25)).toBe(true);
    await start(config, data).shows(/Its password, shown only once: \S{16,}/);
  });

  it('a second server on the same data folder is refused, and the first continues', async () => {
    const config = folder('twice', { 'main.cf': MAIN });
    const data = join(root, 'twice-data');
    await start(config, data).shows(UP);
    const { code, err } = await finish([
      'start',
      '--config',
      config,
      '--data',
      data,
      '--port-offset',
      String(offset + 4),
    ]);
    expect(err).toMatch(/^posthorn: .*: the store is in use by process \d+; "posthorn stop" ends a running server$/m);
    expect(code).toBe(1);
    expect((await finish(['status', '--data', data])).code).toBe(0);
  });
});

describe.runIf(process.getuid?.() === 0)('mail_owner (needs root)', () => {
  it('a user that does not exist is a fault of main.cf, for a start and for every command', async () => {
    const config = folder('nobody', { 'main.cf': `${MAIN}mail_owner = no-such-user\n` });
    const data = join(root, 'nobody-data');
    for (const words of [['start'], ['user', 'add', 'xixi']]) {
      const { code, out, err } = await finish([...words, '--config', config, '--data', data]);
      expect([code, out]).toEqual([78, '']);
      expect(err).toMatch(
        /^.*\/main\.cf: mail_owner: "no-such-user": there is no such user; create it \(useradd --system no-such-user\)/m,
      );
    }
    expect(existsSync(data)).toBe(false);
  });

  it('G7: everything works after root privileges are dropped: large mail, a reload, the log, a second start', async () => {
    chmodSync(root, 0o755);
    const config = folder('owner', { 'main.cf': `${MAIN}mail_owner = nobody\n` });
    const data = join(root, 'owner-data');
    for (const round of [1, 2]) {
      const launched = start(config, data);
      await launched.shows(UP);
      expect(readFileSync(`/proc/${launched.pid}/status`, 'utf8')).not.toMatch(/^[UG]id:.*\b0\b/m);
      const smtp = await client(25);
      await smtp.smtp();
      for (const command of [
        'EHLO client.example',
        `MAIL FROM:<round${round}@example.org>`,
        'RCPT TO:<admin@example.test>',
        'DATA',
      ])
        await smtp.smtp(command);
      for (let lines = 0; lines < 40; lines += 1) smtp.send(`${'x'.repeat(900)}\r\n`.repeat(100));
      expect(await smtp.smtp('.')).toMatch(/^250 /);
      expect(await finish(['reload', '--data', data])).toMatchObject({ code: 0 });
      expect(await smtp.smtp('VRFY admin@example.test')).toMatch(/^252 /);
      launched.child.kill('SIGTERM');
      expect(await launched.exited).toBe(0);
      const log = readFileSync(join(data, 'log/mail.jsonl'), 'utf8');
      expect(log).toContain(`from=<round${round}@example.org>`);
      expect(log.match(/configuration reloaded/g)).toHaveLength(round);
      expect(log.match(/stopped/g)).toHaveLength(round);
    }
    for (const entry of readdirSync(data, { recursive: true, encoding: 'utf8' }))
      expect([entry, statSync(join(data, entry)).uid]).not.toEqual([entry, 0]);
  });
});

describe('a stop', () => {
  /** A server with an idle IMAP session and an SMTP session in DATA. */
  async function busy(
    name: string,
  ): Promise<{ launched: Launched; idle: LineClient; smtp: LineClient; config: string; data: string }> {
    const config = folder(name, { 'main.cf': MAIN });
    const data = join(root, `${name}-data`);
    const launched = start(config, data);
    await launched.shows(UP);
    const password = /shown only once: (\S+)/.exec(launched.stdout())?.[1] ?? '';
    const idle = await client(993);
    await idle.line();
    await idle.imap('a', `LOGIN admin ${password}`);
    await idle.imap('b', 'SELECT INBOX');
    idle.send('c IDLE');
    expect(await idle.line()).toMatch(/^\+ /);
    const smtp = await client(25);
    await smtp.smtp();
    for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', 'RCPT TO:<admin@example.test>', 'DATA'])
      await smtp.smtp(command);
    return { launched, idle, smtp, config, data };
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: an idle client gets BYE, a message in progress is accepted, and the process ends',
    async (signal) => {
      const { launched, idle, smtp, config, data } = await busy(signal.toLowerCase());
      launched.child.kill(signal);
      const bye = await idle.linesUntil((line) => line.startsWith('* BYE'));
      expect(bye.at(-1)).toMatch(/^\* BYE /);
      expect(await isClosed(25)).toBe(true);
      smtp.send('Subject: the last one\r\n\r\nHello.');
      expect(await smtp.smtp('.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
      expect(await launched.exited).toBe(0);
      expect(existsSync(join(data, 'posthorn.sock'))).toBe(false);

      const again = start(config, data);
      await again.shows(UP);
      expect(again.stdout()).not.toContain('First account');
      const { out } = await finish(['log', '--data', data, '-n', '1000']);
      expect(out).toMatch(/from=<a@example\.org>.*nrcpt=1/);
    },
  );

  it('kill -9 leaves nothing that prevents the next start, and the mail is there', async () => {
    const { launched, smtp, config, data } = await busy('kill');
    smtp.send('Subject: acknowledged\r\n\r\nHello.');
    expect(await smtp.smtp('.')).toMatch(/^250 /);
    launched.child.kill('SIGKILL');
    await launched.exited;
    expect(readdirSync(data)).toContain('posthorn.sock');
    expect(await finish(['status', '--data', data])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no server is (?:running|listening)/),
    });

    await start(config, data).shows(UP);
    await finish(['user', 'passwd', 'admin', '--data', data, '--config', config]).then(async ({ out }) => {
      const password = /shown only once: (\S+)/.exec(out)?.[1] ?? '';
      const imap = await client(993);
      await imap.line();
      await imap.imap('a', `LOGIN admin ${password}`);
      expect(await imap.imap('b', 'STATUS INBOX (MESSAGES)')).toContain('* STATUS INBOX (MESSAGES 1)');
    });
  });
});
