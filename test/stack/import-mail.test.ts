/** D6: mail of another program's files is brought while the server serves: what sessions and senders see of it. */
import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'myhostname = mail.example.test',
  'mydomain = example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'alias_maps =',
  'alias_database =',
  '',
].join('\n');

let server: TestServer;
const clients: LineClient[] = [];

beforeAll(async () => {
  server = await startServer({
    files: { 'main.cf': MAIN, 'master.cf': 'smtp inet n - n - - smtpd\n', 'dovecot.conf': 'protocols = imap\n' },
    portOffset: await freeOffset(),
    accounts: { 'maomao@example.test': 'maomao', 'xixi@example.test': 'xixi' },
  });
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

async function session(user: string): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(143), tls: false });
  clients.push(client);
  await client.line();
  await client.imap('a', `LOGIN ${user} ${user}`);
  return client;
}

/** `UID flags`, in the order of sequence numbers. */
async function messages(client: LineClient): Promise<string[]> {
  const lines = await client.imap('f', 'FETCH 1:* (UID FLAGS)');
  return lines.flatMap((line) => {
    const [, uid, flags] = /^\* \d+ FETCH \(UID (\d+) FLAGS \((.*?)\)\)$/.exec(line) ?? [];
    return uid === undefined ? [] : [`${uid} ${flags?.replace(' \\Recent', '').replace('\\Recent', '')}`.trim()];
  });
}

class Maildir {
  readonly path: string;
  readonly #uids = new Map<number, string>();

  constructor(name: string) {
    this.path = join(server.folders.root, name);
    for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(this.path, part), { recursive: true });
  }

  put(uid: number, flags = ''): void {
    const name = `${uid}.m`;
    const file = join(this.path, 'cur', `${name}:2,${flags}`);
    writeFileSync(file, `Subject: there ${uid}\n\nbody\n`);
    utimesSync(file, 1_600_000_000, 1_600_000_000);
    this.#uids.set(uid, name);
    this.list(Math.max(...this.#uids.keys()) + 1);
  }

  list(uidNext: number): void {
    const lines = [...this.#uids].map(([uid, name]) => `${uid} :${name}\n`);
    writeFileSync(join(this.path, 'dovecot-uidlist'), `3 V77 N${uidNext} G00\n${lines.join('')}`);
  }

  flag(uid: number, from: string, to: string): void {
    renameSync(join(this.path, 'cur', `${uid}.m:2,${from}`), join(this.path, 'cur', `${uid}.m:2,${to}`));
  }

  async bring(user: string): Promise<{ readonly added: number; readonly notes: readonly string[] }> {
    const words = ['import', 'maildir', this.path, '--user', `${user}@example.test`, '--json'];
    const { out } = await finish([...words, '--data', server.folders.data, '--config', server.folders.config]);
    const { accounts, problems } = JSON.parse(out) as {
      readonly accounts: readonly { readonly added: number; readonly notes: readonly string[] }[];
      readonly problems: readonly unknown[];
    };
    expect(problems).toEqual([]);
    return accounts[0] ?? { added: -1, notes: [] };
  }
}

async function send(user: string, subject: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25), tls: false });
  await client.smtp();
  for (const command of ['EHLO h.test', 'MAIL FROM:<a@b.test>', `RCPT TO:<${user}@example.test>`, 'DATA'])
    await client.smtp(command);
  client.send(`Subject: ${subject}\r\n\r\nx\r\n.`);
  expect(await client.smtp()).toMatch(/^250 /);
  client.close();
}

it('D6: an empty mailbox that is open is replaced, and sessions see what a later run adds', async () => {
  const maildir = new Maildir('first');
  maildir.put(5, 'S');
  maildir.put(7);
  maildir.put(9, 'F');
  maildir.list(12);
  const early = await session('maomao');
  await early.imap('b', 'SELECT INBOX');
  expect(await maildir.bring('maomao')).toMatchObject({ added: 3, notes: [] });
  // The mailbox that it has open is gone: it is told, and looks again.
  expect(await early.imap('c', 'NOOP')).toEqual([
    '* BYE Selected mailbox was deleted, have to disconnect.',
    'c OK NOOP completed.',
  ]);

  const client = await session('maomao');
  const selected = (await client.imap('b', 'SELECT INBOX')).join('\n');
  expect(selected).toContain('* 3 EXISTS');
  expect(selected).toContain('[UIDVALIDITY 77]');
  expect(selected).toContain('[UIDNEXT 12]');
  expect(await messages(client)).toEqual(['5 \\Seen', '7', '9 \\Flagged']);
  expect((await client.imap('l', 'LIST "" "*"')).join('\n')).not.toContain('posthorn-import');

  maildir.put(12);
  maildir.flag(7, '', 'R');
  client.send('i IDLE');
  await client.line();
  expect(await maildir.bring('maomao')).toMatchObject({ added: 1, notes: [] });
  const told = [await client.line(), await client.line()];
  expect(told.sort()).toEqual(['* 2 FETCH (UID 7 FLAGS (\\Answered))', '* 4 EXISTS']);
  client.send('DONE');
  await client.line();
  expect(await messages(client)).toEqual(['5 \\Seen', '7 \\Answered', '9 \\Flagged', '12']);
});

it('D6: mail that arrives during an import is there, once, with a UID that the other program has not given', async () => {
  const maildir = new Maildir('second');
  for (let uid = 1; uid <= 800; uid += 1) maildir.put(uid, 'S');
  maildir.list(900);
  let imported = false;
  const bringing = maildir.bring('xixi').finally(() => {
    imported = true;
  });
  const client = await session('xixi');
  const folders = async (): Promise<string> => (await client.imap('l', 'LIST "" "*"')).join('\n');
  while (!(await folders()).includes('posthorn-import.INBOX')) await delay(10);
  let sent = 0;
  while (!imported) {
    sent += 1;
    await send('xixi', `here ${sent}`);
  }
  expect(await bringing).toMatchObject({ added: 800 });
  await client.imap('b', 'SELECT INBOX');
  const uids = (await messages(client)).map((line) => Number.parseInt(line, 10));
  expect(uids.filter((uid) => uid < 900)).toHaveLength(800);
  expect(uids.filter((uid) => uid >= 900)).toHaveLength(sent);
  expect(await maildir.bring('xixi')).toMatchObject({ added: 0 });
  expect(await folders()).not.toContain('posthorn-import');
}, 60_000);
