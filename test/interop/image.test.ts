/**
 * The appliance: built from docker/Dockerfile, run twice on the same volumes, and tested for everything that the README
 * promises.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Container, type ImageSettings, ImageYard, type RunningContainer } from './image.ts';
import { until } from './program.ts';

const HOST = 'mail.example.com';
const ADMIN = 'admin@example.com';
const DATA = '/var/lib/posthorn';
const CONFIG = '/etc/posthorn';
/** From docker/Dockerfile. */
const POSTHORN = 525;

const yard = new ImageYard();
const megabytes = (octets: number): string => `${(octets / 1e6).toFixed(1)} MB`;

async function timed<T>(what: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work;
  console.log(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

describe.runIf(process.getuid?.() === 0)('the image (needs root)', () => {
  let offset = 0;
  /** For the second run: the real ports, on an address that nothing else uses. */
  const address = `127.${randomInt(64, 127)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  let settings: ImageSettings;
  let container: Container;
  let running: RunningContainer;
  let password = '';

  const certificate = (): string => readFileSync(join(container.volume(DATA), 'tls', `${HOST}.pem`), 'utf8');

  /** A session on the server, with its own certificate verified wherever TLS is used. */
  async function client(host: string, port: number, tls = false): Promise<LineClient> {
    return LineClient.connect({ host, port, tls, ca: certificate(), serverName: HOST });
  }

  async function subjects(host: string, port: number, user: string, secret: string): Promise<string[]> {
    const imap = await client(host, port, true);
    try {
      await imap.line();
      expect((await imap.imap('a', `LOGIN ${user} ${secret}`)).at(-1)).toMatch(/^a OK/);
      await imap.imap('b', 'SELECT INBOX');
      const lines = await imap.imap('c', 'FETCH 1:* (ENVELOPE)');
      return lines.flatMap((line) => /ENVELOPE \("[^"]*" "([^"]*)"/.exec(line)?.[1] ?? []);
    } finally {
      imap.close();
    }
  }

  async function submit(host: string, port: number, subject: string): Promise<void> {
    const smtp = await client(host, port);
    try {
      await smtp.smtp();
      await smtp.smtp('EHLO client.example');
      expect(await smtp.smtp('STARTTLS')).toMatch(/^220 /);
      await smtp.startTls();
      await smtp.smtp('EHLO client.example');
      expect(await smtp.smtp(`AUTH PLAIN ${Buffer.from(`\0${ADMIN}\0${password}`).toString('base64')}`)).toMatch(
        /^235 /,
      );
      for (const command of [`MAIL FROM:<${ADMIN}>`, `RCPT TO:<${ADMIN}>`, 'DATA'])
        expect(await smtp.smtp(command)).toMatch(/^[23]/);
      expect(await smtp.smtp(`From: <${ADMIN}>\r\nTo: <${ADMIN}>\r\nSubject: ${subject}\r\n\r\nText.\r\n.`)).toMatch(
        /^250 2\.0\.0 /,
      );
    } finally {
      smtp.close();
    }
  }

  /** Does what Docker does, and returns how long it takes. */
  async function stop(): Promise<number> {
    const began = performance.now();
    process.kill(running.pid, settings.StopSignal as NodeJS.Signals);
    expect(await running.exited).toBe(0);
    return performance.now() - began;
  }

  const healthy = async (): Promise<boolean> =>
    (await container.execute(settings.Healthcheck.Test.slice(1))).code === 0;

  beforeAll(async () => {
    offset = await freeOffset();
    await timed('base image', yard.makeBase());
    settings = await timed('image', yard.makeImage());
    container = await yard.makeContainer(settings, HOST);
  });

  afterAll(() => yard.close());

  it('declares its ports and volumes, and contains no development files', async () => {
    expect(Object.keys(settings.Volumes).sort()).toEqual([CONFIG, DATA]);
    const compose = readFileSync(new URL('../../docker/compose.yaml', import.meta.url), 'utf8');
    const published = [...compose.matchAll(/"(\d+):\1(\/udp|\/tcp)?"/g)].map(
      ([, port, protocol = '/tcp']) => `${port}${protocol}`,
    );
    expect(Object.keys(settings.ExposedPorts).sort()).toEqual(published.sort());
    expect(published).toEqual(
      expect.arrayContaining([
        '25/tcp',
        '465/tcp',
        '587/tcp',
        '110/tcp',
        '995/tcp',
        '143/tcp',
        '993/tcp',
        '53/udp',
        '443/tcp',
      ]),
    );
    expect(settings).toMatchObject({
      StopSignal: 'SIGTERM',
      Cmd: ['start'],
      Healthcheck: { Test: ['CMD', 'posthorn', 'status'] },
    });
    const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
      packages: Readonly<Record<string, { readonly dev?: boolean }>>;
    };
    const development = Object.keys(packages).filter((path) => packages[path]?.dev === true);
    expect(development).toContain('node_modules/typescript');
    const { out } = await container.execute(['find', '/opt/posthorn', '-maxdepth', '3', '-not', '-path', '*/.cache/*']);
    const files = out.split('\n');
    expect(files).toContain('/opt/posthorn/node_modules/pino');
    for (const path of development) expect(files).not.toContain(`/opt/posthorn/${path}`);
    expect(
      files.filter((file) => /\.test\.ts$|^\/opt\/posthorn\/(test|\.git|\.npmrc|data|bench\.json)$/.test(file)),
    ).toEqual([]);
    const sizes = await yard.sizes();
    const [base = 0, image = Number.NaN] = [sizes.get('localhost/base'), sizes.get('localhost/posthorn')];
    console.log(
      `image ${megabytes(image)}, of which Debian, Node and npm ${megabytes(base)}, the house with its dependencies ${megabytes(image - base)}`,
    );
    expect(image - base).toBeLessThan(70e6);
  });

  it('T1: a first start fills the volumes, prints the listeners and the first password, and drops root', async () => {
    const compiled = await container.execute(['ls', '/opt/posthorn/.cache']);
    running = await timed(
      'first start',
      container.start(['start', '--port-offset', String(offset)], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }),
    );
    expect(running.said()).toContain(`Posthorn serves example.com as ${HOST}.`);
    expect(running.said()).toMatch(new RegExp(`^submission +0\\.0\\.0\\.0 +${offset + 587} +STARTTLS$`, 'm'));
    password =
      new RegExp(`First account: ${ADMIN}\nIts password, shown only once: (\\S+)`).exec(running.said())?.[1] ?? '';
    expect(password).not.toBe('');
    // Types were stripped when the image was built: no thread of the server has loaded the compiler.
    expect(running.said()).toContain('retrieving transpile cache');
    expect(running.said()).not.toContain('no transpile cache');
    expect(await container.execute(['ls', '/opt/posthorn/.cache'])).toEqual(compiled);

    const status = readFileSync(`/proc/${running.pid}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:(\t${POSTHORN}){4}$`, 'm'));
    expect(status).toMatch(new RegExp(`^Gid:(\t${POSTHORN}){4}$`, 'm'));
    expect(status).toMatch(/^CapEff:\t0+$/m);
    console.log(`memory: ${megabytes(1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]))}`);
    const data = container.volume(DATA);
    const owners = readdirSync(data, { recursive: true, encoding: 'utf8' }).map((name) => [
      name,
      statSync(join(data, name)).uid,
    ]);
    expect(owners.length).toBeGreaterThan(5);
    expect(owners.filter(([, uid]) => uid !== POSTHORN)).toEqual([]);
    expect(readdirSync(container.volume(CONFIG))).toEqual(
      expect.arrayContaining(['main.cf', 'master.cf', 'dovecot.conf', 'plugins']),
    );
    expect(await healthy()).toBe(true);
  });

  it('S1: a message submitted with STARTTLS and a login arrives by IMAP', async () => {
    await submit('127.0.0.1', offset + 587, 'First run');
    await until('the message', async () =>
      (await subjects('127.0.0.1', offset + 993, ADMIN, password)).includes('First run'),
    );
  });

  it('G3: no client relays without a login, however local its address looks', async () => {
    const own = Object.values(networkInterfaces()).flatMap(
      (list) => list?.filter(({ internal, family }) => !internal && family === 'IPv4') ?? [],
    );
    for (const { address: outer } of own) {
      const smtp = await client(outer, offset + 25);
      await smtp.smtp();
      await smtp.smtp('EHLO client.example');
      await smtp.smtp('MAIL FROM:<someone@example.org>');
      expect(await smtp.smtp('RCPT TO:<other@example.net>')).toBe('554 5.7.1 <other@example.net>: Relay access denied');
      smtp.close();
    }
    const submission = await client('127.0.0.1', offset + 587);
    await submission.smtp();
    await submission.smtp('EHLO client.example');
    expect(await submission.smtp('MAIL FROM:<someone@example.org>')).toMatch(
      /^530 5\.7\.0 Must issue a STARTTLS command first/,
    );
    submission.close();
    const { out } = await container.execute(['postconf', '-h', 'mynetworks']);
    expect(out.trim()).toBe('127.0.0.0/8 [::1]/128');
  });

  it('docker exec: root can run commands on the server, which is not root', async () => {
    expect(await container.execute(['posthorn', 'user', 'add', 'maomao@example.com'])).toMatchObject({ code: 0 });
    const set = await container.execute([
      'sh',
      '-c',
      'echo "given by hand" | posthorn user passwd maomao@example.com --password-stdin',
    ]);
    expect(set).toMatchObject({ code: 0 });
    expect(await subjects('127.0.0.1', offset + 993, 'maomao@example.com', '"given by hand"')).toEqual([]);
    expect((await container.execute(['mailq'])).out).toMatch(/queue is empty/i);
    expect((await container.execute(['postmap', '-q', 'a', 'inline:{a=b}'])).out).toBe('b\n');
    expect(await container.execute(['postconf', '-e', 'message_size_limit = 1234567'])).toMatchObject({ code: 0 });
    expect(await container.execute(['posthorn', 'reload'])).toMatchObject({ code: 0 });
    const smtp = await client('127.0.0.1', offset + 25);
    await smtp.smtp();
    expect(await smtp.smtp('EHLO client.example')).toContain('SIZE 1234567');
    smtp.close();
  });

  it('SIGTERM ends it within ten seconds; the health check then fails and does not change the volume', async () => {
    expect(await stop()).toBeLessThan(10_000);
    expect(await healthy()).toBe(false);
    expect(spawnSync('find', [container.volume(DATA), '-user', 'root'], { encoding: 'utf8' }).stdout).toBe('');
  });

  it('commands work on the volumes without a server too, and create files that the server can open', async () => {
    expect(await container.execute(['posthorn', 'user', 'add', 'xixi@example.com'])).toMatchObject({ code: 0 });
    expect(spawnSync('find', [container.volume(DATA), '-user', 'root'], { encoding: 'utf8' }).stdout).toBe('');
  });

  it('a second start on the same volumes, on the real ports, keeps mail, accounts, certificate and configuration', async () => {
    const before = certificate();
    // As left by an older server that stayed root; with a link in it that must not be followed.
    spawnSync('chown', ['-R', '0:0', container.volume(DATA)]);
    const other = join(yard.root, 'another file of the host');
    writeFileSync(other, '');
    spawnSync('ln', ['-s', other, join(container.volume(DATA), 'link')]);
    chmodSync(join(container.volume(CONFIG), 'access'), 0o600);
    running = await timed('second start', container.start(['start', '--port-offset', '0', '--address', address]));
    expect(running.said()).not.toContain('First account');
    expect(running.said()).toMatch(/^- \/etc\/posthorn\/access: posthorn cannot read it, .*chmod g\+r$/m);
    chmodSync(join(container.volume(CONFIG), 'access'), 0o644);
    expect(certificate()).toBe(before);
    expect(readFileSync(`/proc/${running.pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:(\t${POSTHORN}){4}$`, 'm'));
    expect(statSync(other).uid).toBe(0);
    expect(await subjects(address, 993, ADMIN, password)).toEqual(['First run']);
    await submit(address, 587, 'Second run');
    await until('the second message', async () =>
      (await subjects(address, 993, ADMIN, password)).includes('Second run'),
    );
    const list = await container.execute(['posthorn', 'user', 'list']);
    expect(list).toMatchObject({ code: 0, out: expect.stringMatching(/maomao@example\.com.*xixi@example\.com/s) });
    const limit = await container.execute(['postconf', '-h', 'message_size_limit']);
    expect(limit).toMatchObject({ code: 0, out: '1234567\n' });
    expect(await healthy()).toBe(true);
  });

  it('a reload after root was dropped reports that it cannot open a port below 1024; everything else continues', async () => {
    appendFileSync(join(container.volume(CONFIG), 'master.cf'), '\n26 inet n - n - - smtpd\n');
    const { code, out } = await container.execute(['posthorn', 'reload']);
    expect(code).toBe(0);
    const open = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 26;
    if (!open) expect(out).toMatch(new RegExp(`26: cannot listen on ${address}:26 \\(EACCES\\): .*a restart can`));
    expect(await subjects(address, 993, ADMIN, password)).toHaveLength(2);
    expect(await stop()).toBeLessThan(10_000);
    expect(existsSync(`/proc/${running.pid}`)).toBe(false);
  });
});
