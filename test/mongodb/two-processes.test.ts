/**
 * G9: two whole servers on one database: what is done at one of them is seen at the other, as if there were one. (Both at
 * work in one mailbox at the same time: `racing.test.ts`. What is left by one that ends: `taken-over.test.ts`.)
 */

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImapClient } from '../kit/imap-client.ts';
import type { TestClient } from '../kit/line-client.ts';
import type { TestServer } from '../kit/server.ts';
import type { SmtpClient } from '../kit/smtp-client.ts';
import { deliver, idling, imap, login, openPair, type Pair, pop3, smtp } from './pair.ts';

/** News of a mailbox arrive within this time, ms; what concerns accounts, aliases and domains within the other. */
const NEWS = 1_000;
const DIRECTORY = 2_000;

let pair: Pair;
let a: TestServer;
let b: TestServer;
beforeAll(async () => {
  pair = await openPair(['xixi', 'maomao', 'haha', 'redhat']);
  ({ a, b } = pair);
});
afterAll(() => pair.close());

const open: TestClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.destroy();
});
const kept = <T extends TestClient>(client: T): T => {
  open.push(client);
  return client;
};
const at = async (server: TestServer, user = 'xixi'): Promise<ImapClient> => kept(await imap(server, user));

/** How long it took, ms. */
async function timed(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await act();
  return Math.round(performance.now() - began);
}

/** Asks until the answer is as wanted; returns how long that took, ms. */
const until = (isSo: () => Promise<boolean>): Promise<number> =>
  timed(async () => {
    while (!(await isSo())) await delay(20);
  });

describe('a session hears of what is done at the other process', () => {
  it('of deliveries, in IDLE', async () => {
    const sender = kept(await smtp(a));
    const reader = kept(await idling(b, 'xixi', 'INBOX'));
    const times: number[] = [];
    for (let n = 1; n <= 15; n += 1) {
      await deliver(sender, 'xixi@example.test', `number ${n}`);
      times.push(await timed(() => reader.until(new RegExp(`\\* ${n} EXISTS\\r\\n`))));
    }
    times.sort((one, other) => one - other);
    console.log(`a delivery at one process is heard at the other after ${times[7]} ms, at most ${times[14]} ms`);
    expect(times[14]).toBeLessThan(NEWS);
  });

  it('of flags, keywords and expunges, in IDLE', async () => {
    const one = await at(a);
    await one.ok('CREATE flags');
    for (let n = 0; n < 3; n += 1) await one.append('flags', 'Subject: x\r\n\r\nx\r\n');
    await one.ok('SELECT flags');
    const other = kept(await idling(b, 'xixi', 'flags'));
    await one.ok('STORE 2 +FLAGS (\\Deleted $New)');
    expect(
      await timed(() => other.until(/\* FLAGS \(.* \$New\)[\s\S]*\* 2 FETCH \(UID 2 FLAGS \(\\Deleted \$New\)\)/)),
    ).toBeLessThan(NEWS);
    await one.ok('EXPUNGE');
    expect(await timed(() => other.until(/\* 2 EXPUNGE\r\n/))).toBeLessThan(NEWS);
    await one.ok('STORE 2 +FLAGS (\\Seen)');
    expect(await timed(() => other.until(/\* 2 FETCH \(UID 3 FLAGS \(\\Seen\)\)\r\n/))).toBeLessThan(NEWS);
  });

  it('of what another session moves in and out', async () => {
    const one = await at(a);
    await one.ok('CREATE from');
    await one.ok('CREATE to');
    for (let n = 0; n < 3; n += 1) await one.append('from', 'Subject: x\r\n\r\nx\r\n');
    const [source, target] = [kept(await idling(b, 'xixi', 'from')), kept(await idling(b, 'xixi', 'to'))];
    await one.ok('SELECT from');
    await one.ok('MOVE 1:2 to');
    expect(
      await timed(() => Promise.all([source.until(/\* 1 EXPUNGE\r\n/), target.until(/\* 2 EXISTS\r\n/)])),
    ).toBeLessThan(NEWS);
  });

  it('of mailboxes that are made, renamed, subscribed and removed', async () => {
    const [one, other] = [await at(a), await at(b)];
    const names = async (): Promise<string> => other.ok('LIST "" "box*"');
    await one.ok('CREATE box/inner');
    expect(await names()).toMatch(/ box\r\n[^\n]* box\/inner\r\n/);
    await one.ok('RENAME box boxes');
    expect(await names()).toMatch(/ boxes\r\n[^\n]* boxes\/inner\r\n$/);
    expect(await names()).not.toMatch(/ box[\r/]/);
    await one.ok('SUBSCRIBE boxes');
    expect(await other.ok('LSUB "" "box*"')).toContain(' boxes\r\n');
    await one.ok('DELETE boxes/inner');
    expect(await names()).not.toContain('inner');
    expect((await other.command('SELECT boxes/inner')).completion).toMatch(/^NO \[NONEXISTENT\]/);
  });

  it('that the mailbox that it has selected is renamed, and stays in it', async () => {
    const [one, other] = [await at(a), await at(b)];
    await one.ok('CREATE old');
    await other.ok('SELECT old');
    await one.ok('RENAME old new');
    await other.ok('NOOP');
    expect(await one.append('new', 'Subject: x\r\n\r\nx\r\n')).toMatch(/^OK/);
    expect(await until(async () => (await other.ok('NOOP')).includes('* 1 EXISTS'))).toBeLessThan(NEWS);
    expect((await other.command('SELECT old')).completion).toMatch(/^NO \[NONEXISTENT\]/);
  });

  it('that the mailbox that it has selected is removed, and ends', async () => {
    const [one, resting] = [await at(a), await at(b)];
    await one.ok('CREATE doomed');
    await one.append('doomed', 'Subject: x\r\n\r\nx\r\n');
    await resting.ok('SELECT doomed');
    const idle = kept(await idling(b, 'xixi', 'doomed'));
    await one.ok('DELETE doomed');
    expect(
      await timed(async () => expect(await idle.rest()).toContain('* BYE Selected mailbox was deleted')),
    ).toBeLessThan(NEWS);
    resting.send('X NOOP\r\n');
    expect(await resting.rest()).toMatch(/^\* BYE Selected mailbox was deleted/);
  });

  it('by POP3: a session has what was there when it began, the next one what came since', async () => {
    const sender = kept(await smtp(a));
    await deliver(sender, 'maomao@example.test', 'one');
    const first = kept(await pop3(b, 'maomao'));
    expect(await first.ask('STAT')).toMatch(/^\+OK 1 /);
    await deliver(sender, 'maomao@example.test', 'two');
    expect(await first.ask('STAT')).toMatch(/^\+OK 1 /);
    await first.ask('DELE 1');
    expect(await first.ask('QUIT')).toMatch(/^\+OK/);
    const second = kept(await pop3(a, 'maomao'));
    expect((await second.multi('TOP 1 0')).body).toContain('Subject: two\r\n');
    expect(await second.ask('STAT')).toMatch(/^\+OK 1 /);
  });
});

describe('CONDSTORE and QRESYNC', () => {
  const modseqOf = (text: string): number => Number(/MODSEQ[ (]+(\d+)/.exec(text)?.[1] ?? 'NaN');

  it('a change at the other process is a conflict for UNCHANGEDSINCE', async () => {
    const [one, other] = [await at(a), await at(b)];
    await one.ok('CREATE conflict');
    for (let n = 0; n < 2; n += 1) await one.append('conflict', 'Subject: x\r\n\r\nx\r\n');
    await one.ok('SELECT conflict (CONDSTORE)');
    await other.ok('SELECT conflict (CONDSTORE)');
    const seen = modseqOf(await one.ok('STATUS conflict (HIGHESTMODSEQ)'));
    const changed = modseqOf(await other.ok(`STORE 1 (UNCHANGEDSINCE ${seen}) +FLAGS.SILENT (\\Seen)`));
    expect(changed).toBeGreaterThan(seen);
    const { completion } = await one.command(`STORE 1:2 (UNCHANGEDSINCE ${seen}) +FLAGS.SILENT (\\Flagged)`);
    expect(completion).toMatch(/^OK \[MODIFIED 1\]/);
    expect(await other.ok('FETCH 1:2 FLAGS')).toMatch(
      /\* 1 FETCH \(FLAGS \(\\Seen[^)]*\)\)[\s\S]*\* 2 FETCH \(FLAGS \(\\Flagged/,
    );
  });

  it('a client that comes back at the other process is told what changed and what vanished', async () => {
    const [one, other] = [await at(a), await at(b)];
    await one.ok('CREATE resync');
    for (let n = 0; n < 5; n += 1) await one.append('resync', 'Subject: x\r\n\r\nx\r\n');
    await one.ok('ENABLE QRESYNC');
    const selected = await one.ok('SELECT resync');
    const validity = /UIDVALIDITY (\d+)/.exec(selected)?.[1];
    const modseq = modseqOf(selected);
    await one.ok('UNSELECT');
    await other.ok('SELECT resync');
    await other.ok('STORE 2 +FLAGS (\\Flagged)');
    await other.ok('STORE 4 +FLAGS (\\Deleted)');
    await other.ok('EXPUNGE');
    await other.append('resync', 'Subject: x\r\n\r\nx\r\n');
    for (const client of [one, await at(b)]) {
      await client.ok('ENABLE QRESYNC');
      const news = await client.ok(`SELECT resync (QRESYNC (${validity} ${modseq}))`);
      expect(news).toContain('* VANISHED (EARLIER) 4\r\n');
      expect(news).toMatch(/\* 2 FETCH \(UID 2 MODSEQ \(\d+\) FLAGS \(\\Flagged\)\)/);
      expect(news).toMatch(/\* 5 FETCH \(UID 6 /);
      expect(news).not.toMatch(/UID [135] /);
      expect(modseqOf(news)).toBeGreaterThan(modseq);
    }
  });

  it('a session with QRESYNC hears of an expunge at the other process by UID', async () => {
    const [one, other] = [await at(a), await at(b)];
    await one.ok('CREATE vanished');
    for (let n = 0; n < 3; n += 1) await one.append('vanished', 'Subject: x\r\n\r\nx\r\n');
    await other.ok('ENABLE QRESYNC');
    await other.ok('SELECT vanished');
    other.send('I IDLE\r\n');
    await other.until(/\+ idling\r\n/);
    await one.ok('SELECT vanished');
    await one.ok('STORE 2:3 +FLAGS.SILENT (\\Deleted)');
    await one.ok('EXPUNGE');
    expect(await timed(() => other.until(/\* VANISHED 2:3\r\n/))).toBeLessThan(NEWS);
  });
});

describe('accounts, aliases and domains', () => {
  /** Whether mail for the address is taken. */
  const acceptsAt =
    (client: SmtpClient) =>
    async (address: string): Promise<boolean> => {
      await client.run('MAIL FROM:<far@elsewhere.test>');
      const answer = await client.say(`RCPT TO:<${address}>`);
      await client.run('RSET');
      return answer.startsWith('250');
    };

  it.each([
    [
      'a new password',
      'Password was changed',
      'password was changed',
      (user: string) => [['user', 'passwd', user, '--password-stdin'], 'new\n'] as const,
    ],
    [
      'a disabled account',
      'Account was disabled',
      'account was disabled',
      (user: string) => [['user', 'disable', user], ''] as const,
    ],
  ])('%s ends the sessions at the other process', async (what, why, said, command) => {
    const user = what === 'a new password' ? 'haha' : 'redhat';
    const resting = await at(b, user);
    const idle = kept(await idling(b, user, 'INBOX'));
    const reader = kept(await pop3(b, user));
    const submission = kept(await smtp(b));
    await submission.run(login(user));
    const other = await at(b);
    const [args, input] = command(user);
    const ended = Promise.all([resting.rest(), idle.rest(), reader.rest(), submission.rest()]);
    await a.command(args, input);
    const after = await timed(() => ended);
    console.log(`${what} at one process ends the sessions at the other after ${after} ms`);
    expect(await ended).toEqual([
      `* BYE ${why}.\r\n`,
      `* BYE ${why}.\r\n`,
      `-ERR [SYS/PERM] ${why}.\r\n`,
      `421 4.7.0 b.example.test Error: ${said}\r\n`,
    ]);
    expect(after).toBeLessThan(DIRECTORY);
    await other.ok('NOOP');
    await expect(imap(b, user)).rejects.toThrow('AUTHENTICATIONFAILED');
  });

  it('an account that is made, renamed and removed at one process is so at the other', async () => {
    const isThere = async (user: string, password = user): Promise<boolean> => {
      const client = await imap(b, user, password).catch(() => null);
      client?.destroy();
      return client !== null;
    };
    // So that the other process remembers that there is none.
    expect(await isThere('new')).toBe(false);
    await a.command(['user', 'add', 'new', '--password-stdin'], 'new\n');
    // A failed login costs time.
    const accepts = acceptsAt(kept(await smtp(b)));
    expect(await until(() => accepts('new@example.test'))).toBeLessThan(DIRECTORY);
    expect(await isThere('new')).toBe(true);
    await a.command(['user', 'rename', 'new', 'newer']);
    expect(
      await until(async () => (await accepts('newer@example.test')) && !(await accepts('new@example.test'))),
    ).toBeLessThan(DIRECTORY);
    expect(await isThere('newer', 'new')).toBe(true);
    await a.command(['user', 'remove', 'newer']);
    expect(await until(async () => !(await accepts('newer@example.test')))).toBeLessThan(DIRECTORY);
  });

  it('the certificate that one made is shown by both', async () => {
    const shown = await Promise.all(
      [pair.a, pair.b].map(async (server) => {
        const socket = connectTls({ port: server.port(993), host: '127.0.0.1', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        const { fingerprint256 } = socket.getPeerCertificate();
        socket.destroy();
        return fingerprint256;
      }),
    );
    expect(shown[0]).toMatch(/^[0-9A-F:]+$/);
    expect(shown[1]).toBe(shown[0]);
  });

  it('an alias and a domain that are made and removed at one process are so at the other', async () => {
    const accepts = acceptsAt(kept(await smtp(b)));
    expect(await accepts('team@example.test')).toBe(false);
    await a.command(['alias', 'set', 'team', 'xixi']);
    expect(await until(() => accepts('team@example.test'))).toBeLessThan(DIRECTORY);
    await a.command(['alias', 'remove', 'team']);
    expect(await until(async () => !(await accepts('team@example.test')))).toBeLessThan(DIRECTORY);

    await a.command(['domain', 'add', 'more.test']);
    await a.command(['user', 'add', 'xixi@more.test', '--password-stdin'], 'xixi\n');
    // Before the domain is known there, mail for it is for elsewhere.
    expect(await until(async () => !(await accepts('nobody@more.test')))).toBeLessThan(DIRECTORY);
    expect(await until(() => accepts('xixi@more.test'))).toBeLessThan(DIRECTORY);
    expect(await b.command(['domain', 'list'])).toContain('more.test');
  });
});
