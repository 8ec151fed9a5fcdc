/** G9: several front processes on one database, the whole program: one address, nobody refused, nothing lost. */
import { Resolver } from 'node:dns/promises';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import type { ClusterProcess } from '../../src/store/cluster.ts';
import { removeFolder } from '../kit/folder.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, runCommand, startServer, type TestServer } from '../kit/server.ts';
import { openDatabase, type TestDatabase } from './database.ts';

const ACCOUNT = 'maomao@example.test';
const PASSWORD = 'sesame';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase();
  const { root, config, data } = makeFolders({ 'main.cf': main() });
  await runCommand(['user', 'add', ACCOUNT, '--password-stdin', '--config', config, '--data', data], `${PASSWORD}\n`);
  removeFolder(root);
});
afterAll(() => database.close());

const main = (more = '', uri = database.uri): string =>
  [
    'compatibility_level = 3.6',
    'myhostname = mail.example.test',
    'mydomain = example.test',
    'myorigin = $mydomain',
    'mydestination = $mydomain',
    'inet_interfaces = 127.0.0.1',
    'mynetworks = 127.0.0.0/8',
    'smtpd_client_connection_count_limit = 0',
    `mail_store = ${uri}`,
    more,
    '',
  ].join('\n');

const DOVECOT = `protocols = imap lmtp
disable_plaintext_auth = no
service lmtp {
  unix_listener lmtp {
    mode = 0640
  }
}
`;

const ZONE = `$TTL 60
@ IN SOA ns.example.test. root.example.test. 1 60 60 60 60
  IN NS ns.example.test.
ns IN A 192.0.2.53
`;

let server: TestServer;

/** Starts it with these files besides main.cf. The database, with its account, is that of all tests here. */
async function start(files: Readonly<Record<string, string>> = {}): Promise<void> {
  const folders = makeFolders({ 'main.cf': main('front_processes = 2'), 'dovecot.conf': DOVECOT, ...files });
  server = await startServer({ files: {}, folders, portOffset: await freeOffset() });
  await vi.waitFor(async () => expect(await processes()).toHaveLength(2), { timeout: 10_000, interval: 500 });
}

afterEach(async () => {
  await server.stop();
});

const client = (port: number): Promise<LineClient> =>
  LineClient.connect({ host: '127.0.0.1', port: server.port(port) });

/** The living front processes of this server, without commands that have the store open for a moment. */
async function processes(): Promise<readonly ClusterProcess[]> {
  const all = JSON.parse(await server.command(['status', '--cluster', '--json'])) as ClusterProcess[];
  return all.filter(({ dead, facts, silentFor }) => !dead && silentFor < 3_000 && 'smtp' in facts);
}

async function logIn(imap: LineClient): Promise<void> {
  await imap.line();
  expect((await imap.imap('l', `LOGIN ${ACCOUNT} ${PASSWORD}`)).at(-1)).toMatch(/^l OK/);
}

/** Delivers a message in a session of its own; rejects if any step is refused. */
async function deliver(subject: string): Promise<void> {
  const smtp = await client(25);
  for (const [command, code] of [
    [undefined, '220'],
    ['EHLO client.example', '250'],
    ['MAIL FROM:<>', '250'],
    [`RCPT TO:<${ACCOUNT}>`, '250'],
    ['DATA', '354'],
    [`Subject: ${subject}\r\n\r\nText.\r\n.`, '250'],
    ['QUIT', '221'],
  ] as const) {
    const reply = await smtp.smtp(command);
    if (!reply.startsWith(code)) throw new Error(`${command}: ${reply}`);
  }
  smtp.close();
}

/** The subjects in the INBOX. */
async function subjects(): Promise<string[]> {
  const imap = await client(143);
  await logIn(imap);
  await imap.imap('s', 'SELECT INBOX');
  const lines = await imap.imap('f', 'FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
  imap.close();
  return lines.filter((line) => line.startsWith('Subject: ')).map((line) => line.slice('Subject: '.length));
}

describe('two front processes', () => {
  test('make one first account', async () => {
    const empty = await openDatabase();
    await start({ 'main.cf': main('front_processes = 2', empty.uri) });
    expect(server.report).toMatchObject({ processes: 2, firstAccount: { address: 'admin@example.test' } });
    expect(JSON.parse(await server.command(['user', 'list', '--json']))).toHaveLength(1);
    await server.stop();
    await empty.close();
  });

  test('are one server to whoever starts and asks them', async () => {
    await start();
    const listeners = server.report['listeners'] as readonly { readonly port: number }[];
    expect(new Set(listeners.map(({ port }) => port)).size).toBe(listeners.length);
    expect(await server.command(['status'])).toMatch(
      new RegExp(`: process ${server.pid}, [\\s\\S]*^Processes that share the store: 2;`, 'm'),
    );
    expect(await server.command(['status', '--cluster'])).toMatch(/^id +host +pid +version +since +last heard +smtp/);
    const again = await finish(['start', '--config', server.folders.config, '--data', server.folders.data]);
    expect(again).toMatchObject({
      code: 1,
      err: expect.stringContaining('another server is running on this data folder'),
    });
  });

  test('G11: share the connections, and are one target for metrics', async () => {
    await start({ 'main.cf': main('front_processes = 2\nmetrics_listen = 127.0.0.1:80') });
    const sessions: LineClient[] = [];
    for (let i = 0; i < 40; i += 1) {
      const imap = await client(143);
      await logIn(imap);
      sessions.push(imap);
    }
    await vi.waitFor(
      async () => {
        const counts = (await processes()).map(({ facts }) => Number(facts['imap']));
        expect(counts).toHaveLength(2);
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
        expect(Math.min(...counts)).toBeGreaterThan(2);
      },
      { timeout: 10_000, interval: 500 },
    );
    expect(JSON.parse(await server.command(['status', '--json']))).toMatchObject({ connections: 40, processes: 2 });
    const metrics = await (await fetch(`http://127.0.0.1:${server.port(80)}/metrics`)).text();
    for (const line of ['sessions{protocol="imap"} 40', 'logins_total{protocol="imap",result="ok"} 40', 'processes 2'])
      expect(metrics).toContain(`\nposthorn_${line}\n`);
    for (const session of sessions) session.close();
  });

  test('serve when one of them is killed, which is started again', async () => {
    await start();
    const [victim, other] = await processes();
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    for (let i = 0; i < 20; i += 1) await deliver(`after the kill ${i}`);
    await vi.waitFor(
      async () => {
        const now = (await processes()).map(({ pid }) => pid);
        expect(now).toHaveLength(2);
        expect(now).toContain(other?.pid);
        expect(now).not.toContain(victim?.pid);
      },
      { timeout: 20_000, interval: 500 },
    );
    expect((await subjects()).filter((subject) => subject.startsWith('after the kill'))).toHaveLength(20);
    const log = await server.command(['log', '-n', '1000']);
    expect(log).toMatch(
      new RegExp(
        `posthorn\\[${server.pid}\\]: error: process ${victim?.pid} has ended \\(signal SIGKILL\\); another is started in 1 s`,
      ),
    );
    expect(log).toMatch(/process \d+ serves in its place/);
  });

  test('are renewed by a reload, one by one: nobody is refused and no message is lost', async () => {
    await start();
    const before = (await processes()).map(({ pid }) => pid);
    const load = { isOver: false, delivered: [] as string[], read: 0, failures: [] as unknown[] };
    const steadily = async (act: (turn: number) => Promise<void>): Promise<void> => {
      for (let turn = 0; !load.isOver; turn += 1) await act(turn).catch((error: unknown) => load.failures.push(error));
    };
    const all = [
      ...[1, 2, 3, 4].map((sender) =>
        steadily(async (turn) => {
          const subject = `reload ${sender}.${turn}`;
          await deliver(subject);
          load.delivered.push(subject);
        }),
      ),
      ...[1, 2].map(() =>
        steadily(async () => {
          const imap = await client(143);
          await logIn(imap);
          await imap.imap('s', 'SELECT INBOX');
          expect((await imap.imap('o', 'LOGOUT')).at(-1)).toMatch(/^o OK/);
          imap.close();
          load.read += 1;
        }),
      ),
      steadily(async () => {
        const imaps = await LineClient.connect({ host: '127.0.0.1', port: server.port(993), tls: true });
        await logIn(imaps);
        imaps.close();
      }),
    ];
    writeFileSync(
      join(server.folders.config, 'main.cf'),
      main('front_processes = 2\nsmtpd_banner = $myhostname renewed'),
    );
    const { notes } = JSON.parse(await server.command(['reload', '--json'])) as { readonly notes: readonly string[] };
    expect(notes).toBeInstanceOf(Array);
    await server.command(['reload']);
    load.isOver = true;
    await Promise.all(all);
    expect(load.failures.slice(0, 3)).toEqual([]);
    expect(load.read).toBeGreaterThan(5);
    expect(load.delivered.length).toBeGreaterThan(20);
    expect((await subjects()).filter((subject) => subject.startsWith('reload')).sort()).toEqual(load.delivered.sort());
    const smtp = await client(25);
    expect(await smtp.smtp()).toBe('220 mail.example.test renewed');
    smtp.close();
    await vi.waitFor(
      async () => {
        const after = (await processes()).map(({ pid }) => pid).filter((pid) => !before.includes(pid));
        expect(after.length).toBeGreaterThanOrEqual(2);
      },
      { timeout: 10_000, interval: 500 },
    );
  });

  test('let the sessions of a replaced process end by themselves', async () => {
    await start();
    const before = (await processes()).map(({ pid }) => pid);
    const idle = await client(143);
    await logIn(idle);
    await server.command(['reload']);
    expect((await idle.imap('s', 'SELECT INBOX')).at(-1)).toMatch(/^s OK/);
    expect((await processes()).some(({ pid }) => before.includes(pid))).toBe(true);
    await idle.imap('o', 'LOGOUT');
    idle.close();
    await vi.waitFor(async () => expect((await processes()).some(({ pid }) => before.includes(pid))).toBe(false), {
      timeout: 10_000,
      interval: 500,
    });
  });

  test('keep their configuration where the new one has faults, or another store', async () => {
    await start();
    const before = (await processes()).map(({ pid }) => pid).sort();
    const path = join(server.folders.config, 'main.cf');
    writeFileSync(path, main('mynetworks = 300.1.1.1'));
    await expect(server.command(['reload'])).rejects.toThrow(/code 78[\s\S]*mynetworks: "300\.1\.1\.1"/);
    writeFileSync(path, main().replace(/^mail_store.*/m, ''));
    await expect(server.command(['reload'])).rejects.toThrow('mail_store has changed');
    expect((await processes()).map(({ pid }) => pid).sort()).toEqual(before);
    await deliver('still served');
  });

  test('become more, and fewer, by a reload', async () => {
    await start();
    const path = join(server.folders.config, 'main.cf');
    for (const count of [3, 1]) {
      writeFileSync(path, main(`front_processes = ${count}`));
      await server.command(['reload']);
      await vi.waitFor(async () => expect(await processes()).toHaveLength(count), { timeout: 10_000, interval: 500 });
    }
    await deliver('one is left');
  });

  test('have one UNIX socket, with its permissions, and answer DNS on one port', async () => {
    await start({
      'named.conf':
        'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" { type primary; file "example.zone"; };\n',
      'example.zone': ZONE,
    });
    const path = join(server.folders.data, 'lmtp');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    for (let i = 0; i < 10; i += 1) expect(await greeting(path)).toMatch(/^220 /);
    for (let i = 0; i < 20; i += 1) expect(await ask(server.port(53))).toEqual(['192.0.2.53']);
    await server.command(['reload']);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(await greeting(path)).toMatch(/^220 /);
    expect(await ask(server.port(53))).toEqual(['192.0.2.53']);
  });

  test('end when their supervisor is killed, and leave their ports to the next one', async () => {
    await start();
    const pids = (await processes()).map(({ pid }) => pid);
    server.signal('SIGKILL');
    await vi.waitFor(() => expect(pids.filter(isRunning)).toEqual([]), { timeout: 15_000, interval: 100 });
    server = await startServer({ files: {}, folders: server.folders, portOffset: server.port(0) });
    await deliver('after the supervisor');
  });

  test('write whole lines to one log', async () => {
    await start();
    await Promise.all(Array.from({ length: 20 }, (_, i) => deliver(`logged ${i}`)));
    await server.command(['reload']);
    const lines = readFileSync(join(server.folders.data, 'log/mail.jsonl'), 'utf8').trimEnd().split('\n');
    const writers = new Set(lines.map((line) => (JSON.parse(line) as { readonly pid: number }).pid));
    expect(writers.size).toBeGreaterThanOrEqual(4);
  });
});

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const greeting = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setEncoding('latin1').on('error', reject);
    socket.once('data', (text: string) => {
      socket.end('QUIT\r\n');
      resolve(text);
    });
  });

/** The address of ns.example.test, by UDP. */
async function ask(port: number): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve4('ns.example.test');
}
