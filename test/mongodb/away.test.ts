/**
 * A whole server whose database goes away, hangs, and comes back: clients get temporary errors in time, their sessions
 * stay, nothing is accepted that is not stored, memory is bounded, and the log has one line at each end.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MongoProxy, openMongoProxy } from '../kit/mongo-proxy.ts';
import { uriWithDatabase } from '../kit/mongodb.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, runCommand, startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { openDatabase, type TestDatabase } from './database.ts';
import { idling, imap, pop3, siteFiles, smtp } from './pair.ts';

/** An answer is there within this time, ms, on a busy machine too: where the server is gone (5 s), and where it hangs. */
const REFUSED = 15_000;
const HUNG = 30_000;

let database: TestDatabase;
let proxy: MongoProxy;
let server: TestServer | undefined;
beforeEach(async () => {
  database = await openDatabase();
  proxy = await openMongoProxy(database.uri);
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await proxy.close();
  await database.close();
});

const files = (): Readonly<Record<string, string>> =>
  siteFiles('a', uriWithDatabase(proxy.uri, database.name), ['front_processes = 1']);

async function start(): Promise<TestServer> {
  server = await startServer({
    files: files(),
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'xixi', 'maomao@example.test': 'maomao' },
  });
  return server;
}

interface Line {
  readonly level: string;
  readonly msg: string;
}
const linesOf = ({ folders }: TestServer): Line[] =>
  readFileSync(join(folders.data, 'log', 'mail.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const troubles = (at: TestServer): string[] =>
  linesOf(at)
    .filter(({ level, msg }) => (level !== 'info' && !msg.includes('SASL')) || msg.startsWith('the database is back'))
    .map(({ level, msg }) => `${level}: ${msg}`);

/** The answer, which must come in time. */
async function within<T>(limit: number, what: string, act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await act();
  const took = Math.round(performance.now() - began);
  console.log(`${what}: ${took} ms`);
  expect(took, what).toBeLessThan(limit);
  return answer;
}

const UNAVAILABLE = 'NO [UNAVAILABLE] The mail store cannot be reached now, try again later.';
const MESSAGE = 'Subject: Hello\r\n\r\nHello cat\r\n.';

describe.each([
  ['is gone', REFUSED, (at: MongoProxy) => at.leave(), (at: MongoProxy) => at.comeBack()],
  ['hangs', HUNG, async (at: MongoProxy) => at.freeze(), async (at: MongoProxy) => at.thaw()],
] as const)('while the database %s', (_, limit, goAway, comeBack) => {
  it('everybody is told to try again later, and all sessions go on when it is back', async () => {
    const at = await start();
    const sender = await smtp(at);
    await sender.run('ehlo client.test', 'mail from:<a@example.test>', 'rcpt to:<xixi@example.test>', 'data');
    expect(await sender.say(MESSAGE)).toMatch(/^250 /);
    const reader = await imap(at, 'xixi');
    await reader.ok('SELECT INBOX');
    const waiting = await idling(at, 'xixi', 'INBOX');
    const popper = await pop3(at, 'xixi');
    const other = await smtp(at);
    await other.run('ehlo client.test', 'mail from:<b@example.test>', 'rcpt to:<maomao@example.test>', 'data');

    await goAway(proxy);
    const all = await Promise.all([
      within(limit, 'the end of a message', () => other.say(MESSAGE)),
      within(limit, 'FETCH', async () => (await reader.command('FETCH 1 BODY[]')).completion),
      within(limit, 'RETR', () => popper.ask('RETR 1')),
    ]);
    expect(all).toEqual([
      expect.stringMatching(/^451 4\.3\.0 /),
      UNAVAILABLE,
      '-ERR [SYS/TEMP] The mail store cannot be reached now, try again later.',
    ]);
    const later = await Promise.all([
      within(limit, 'RCPT', async () => {
        // Accounts are remembered for a second.
        await delay(1_000);
        await sender.run('mail from:<a@example.test>');
        return sender.say('rcpt to:<maomao@example.test>');
      }),
      within(limit, 'STORE', async () => (await reader.command('STORE 1 +FLAGS (\\Flagged)')).completion),
      within(limit, 'AUTH', () => other.say('auth plain AHhpeGkAeGl4aQ==')),
      within(limit, 'a command', () =>
        at.command(['mailq']).then(
          () => '',
          (error: Error) => error.message,
        ),
      ),
    ]);
    expect(later).toEqual([
      '451 4.3.0 <maomao@example.test>: Temporary lookup failure',
      UNAVAILABLE,
      expect.stringMatching(/^454 4\.7\.0 Temporary authentication failure/),
      expect.stringMatching(/exit code 75\nposthorn: the database cannot be reached: /),
    ]);
    // Others would take this process for dead by now.
    await delay(8_000);

    await comeBack(proxy);
    await vi.waitFor(async () => expect((await reader.command('FETCH 1 BODY[TEXT]')).completion).toMatch(/^OK/), {
      timeout: 15_000,
      interval: 200,
    });
    await reader.ok('STORE 1 +FLAGS (\\Flagged)');
    expect(await popper.ask('RETR 1')).toMatch(/^\+OK/);
    await sender.run('rcpt to:<xixi@example.test>', 'data');
    expect(await sender.say(MESSAGE)).toMatch(/^250 /);
    expect(await waiting.until(/EXISTS\r\n/)).toContain('* 2 EXISTS');
    await imap(at, 'maomao');

    await vi.waitFor(() => expect(troubles(at)).toHaveLength(2), { timeout: 15_000, interval: 500 });
    expect(troubles(at)).toEqual([
      expect.stringMatching(
        /^error: the database cannot be reached: .*until it is back, mail and logins get temporary errors$/,
      ),
      expect.stringMatching(/^info: the database is back after \d+ s, since /),
    ]);
  });
});

it('100 clients that send 1 MB each into a database that hangs get 4xx, and memory is bounded', async () => {
  const at = await start();
  const resident = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${at.pid}/status`, 'utf8'))?.[1]) / 1024;
  const clients = await Promise.all(Array.from({ length: 100 }, () => SmtpClient.open(at.port(25))));
  for (const client of clients) {
    await client.reply();
    await client.run('ehlo client.test', 'mail from:<a@example.test>', 'rcpt to:<xixi@example.test>', 'data');
  }
  const before = resident('VmRSS');
  proxy.freeze();
  const body = `${`${'x'.repeat(98)}\r\n`.repeat(10_000)}.`;
  const answers = await within(60_000, '100 messages', () => Promise.all(clients.map((client) => client.say(body))));
  expect(new Set(answers)).toEqual(new Set(['451 4.3.0 Error: queue file write error']));
  const peak = resident('VmHWM');
  console.log(`memory before ${Math.round(before)} MB, at most ${Math.round(peak)} MB`);
  expect(peak - before).toBeLessThan(200);
  proxy.thaw();
  for (const client of clients) client.destroy();
  const reader = await vi.waitFor(() => imap(at, 'xixi'), { timeout: 20_000, interval: 500 });
  expect(await reader.ok('SELECT INBOX')).toContain('* 0 EXISTS');
});

it('a start waits for a database that starts later, and says so', async () => {
  const folders = makeFolders(files());
  const where = ['--config', folders.config, '--data', folders.data];
  await runCommand(['user', 'add', 'xixi@example.test', '--password-stdin', ...where], 'xixi\n');
  await proxy.leave();
  await expect(within(REFUSED, 'user list', () => runCommand(['user', 'list', ...where]))).rejects.toThrow(
    /exit code 75\nposthorn: mail_store, MongoDB at 127\.0\.0\.1:\d+: the database cannot be reached/,
  );
  const starting = startServer({ files: {}, folders, portOffset: await freeOffset() });
  await delay(7_000);
  await proxy.comeBack();
  server = await starting;
  expect(linesOf(server).map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^waiting for the database at /));
  await imap(server, 'xixi');
});
