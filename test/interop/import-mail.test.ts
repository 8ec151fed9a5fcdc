/**
 * Mail of a real Dovecot in each of its formats, imported, and then every mailbox of both servers compared by IMAP:
 * UIDVALIDITY, UIDNEXT, UIDs, flags, dates, octets.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Finished, finish, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, runCommand, startServer } from '../kit/server.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { ran } from './program.ts';

vi.setConfig({ testTimeout: 120_000 });

const PASSWORD = 'sesame';
const USERS = ['maomao', 'xixi', 'haha'];
const MAILBOXES = ['INBOX', 'Sent', 'Work/T&APY-st', 'Old'];
const MESSAGES = 40;
const KEYWORDS = ['$Forwarded', 'Work', 'label1'];
const MAIN = 'compatibility_level = 3.6\nmyhostname = mail.example.org\ninet_interfaces = 127.0.0.1\nalias_maps =\n';

let root: string;
let dovecot: Dovecot | undefined;
let folders: ReturnType<typeof makeFolders> | undefined;

afterEach(async () => {
  await dovecot?.stop();
  dovecot = undefined;
  if (folders !== undefined) removeFolder(folders.root);
  folders = undefined;
  removeFolder(root);
});

/** How each format is told to Dovecot, with `%u` for the user. */
const LOCATIONS: Readonly<Record<string, (folder: string) => string>> = {
  maildir: (folder) => `maildir:${folder}/%u/Maildir`,
  mbox: (folder) => `mbox:${folder}/%u/mail:INBOX=${folder}/%u/inbox`,
  sdbox: (folder) => `sdbox:${folder}/%u/sdbox`,
};

async function connect(port: number, user: string): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  await client.line();
  expect((await client.imap('l', `LOGIN "${user}" "${PASSWORD}"`)).at(-1)).toMatch(/^l OK/);
  return client;
}

const ok = async (client: LineClient, command: string): Promise<string> => {
  const lines = await client.imap('q', command);
  if (!lines.at(-1)?.startsWith('q OK')) throw new Error(`${command}: ${lines.at(-1)}`);
  return lines.join('\n');
};

/** Every third message gets a flag, every fifth a keyword; some are expunged, so that UIDs have gaps. */
async function fill(port: number, user: string, first = 1, count = MESSAGES): Promise<void> {
  const client = await connect(port, user);
  for (const mailbox of MAILBOXES) {
    if (mailbox !== 'INBOX' && first === 1) {
      await ok(client, `CREATE "${mailbox}"`);
      if (mailbox !== 'Old') await ok(client, `SUBSCRIBE "${mailbox}"`);
    }
    for (let i = first; i < first + count; i += 1) {
      const body =
        i % 7 === 0 ? 'one\r\n\r\nFrom x@y.example Mon Jan  1 00:00:00 2020\r\ntwo\r\n' : `\xe4 ${i}\r\n.\r\n\r\n`;
      const text = `From: ${user}@example.org\r\nSubject: ${mailbox} ${i}\r\nX-Fold: a\r\n\tb\r\n\r\n${body.repeat(1 + (i % 30))}`;
      const flags = [
        ...(i % 3 === 0 ? ['\\Seen'] : []),
        ...(i % 4 === 0 ? ['\\Flagged', '\\Answered'] : []),
        ...(i % 11 === 0 ? ['\\Draft'] : []),
        ...(i % 5 === 0 ? [KEYWORDS[i % KEYWORDS.length]] : []),
      ];
      const day = String(1 + (i % 28)).padStart(2, '0');
      client.send(
        `a APPEND "${mailbox}" (${flags.join(' ')}) "${day}-Mar-2021 10:${String(i % 60).padStart(2, '0')}:07 +0300" {${text.length}+}`,
      );
      client.send(text);
      expect((await client.linesUntil((line) => line.startsWith('a '))).at(-1)).toMatch(/^a OK/);
    }
    await ok(client, `SELECT "${mailbox}"`);
    await ok(client, `UID STORE ${first + 3},${first + 10} +FLAGS (\\Deleted)`);
    await ok(client, 'EXPUNGE');
    await ok(client, 'UNSELECT');
  }
  client.close();
}

interface Seen {
  readonly status: string;
  readonly messages: Readonly<Record<string, string>>;
}

/** All that a client can see, with the differences that mean nothing taken out. */
async function seen(port: number, user: string): Promise<Record<string, Seen>> {
  const client = await connect(port, user);
  const found: Record<string, Seen> = {};
  for (const mailbox of MAILBOXES) {
    const status = await ok(client, `STATUS "${mailbox}" (MESSAGES UIDNEXT UIDVALIDITY)`);
    const number = (name: string): string => new RegExp(`${name} (\\d+)`).exec(status)?.[1] ?? '';
    await ok(client, `EXAMINE "${mailbox}"`);
    const text = await ok(client, 'UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])');
    const messages: Record<string, string> = {};
    for (const part of text.split(/\n(?=\* \d+ FETCH )/)) {
      const uid = /UID (\d+)/.exec(part)?.[1];
      if (uid === undefined) continue;
      const flags = (/FLAGS \(([^)]*)\)/.exec(part)?.[1] ?? '').split(' ').filter((flag) => flag !== '\\Recent');
      const date = new Date(/INTERNALDATE "([^"]*)"/.exec(part)?.[1] ?? '').toISOString();
      const size = Number(/BODY\[\] \{(\d+)\}/.exec(part)?.[1]);
      const octets = part
        .slice(part.indexOf('}\n') + 2)
        .replaceAll('\n', '\r\n')
        .slice(0, size);
      messages[uid] = [flags.sort().join(' '), date, size, octets].join('|');
    }
    expect(Object.keys(messages)).toHaveLength(Number(number('MESSAGES')));
    found[mailbox] = { status: ['MESSAGES', 'UIDNEXT', 'UIDVALIDITY'].map(number).join(' '), messages };
  }
  const subscribed = await ok(client, 'LSUB "" "*"');
  for (const name of ['Sent', 'Work/T&APY-st'])
    expect(subscribed).toMatch(new RegExp(`"?${name.replace('&', '.')}"?\n`));
  client.close();
  return found;
}

async function import_(format: string, user: string): Promise<Finished> {
  const from = (...names: string[]): string => join(root, user, ...names);
  const where = ['--user', user, '--config', folders?.config ?? '', '--data', folders?.data ?? '', '--json'];
  if (format === 'mbox') return finish(['import', 'mbox', from('mail'), '--inbox', from('inbox'), ...where]);
  if (format === 'maildir') return finish(['import', 'maildir', from('Maildir'), ...where]);
  // What docs/operations/migration.md says for the formats that only Dovecot reads.
  const conf = dovecot?.configuration ?? '';
  await ran('doveadm', ['-c', conf, 'backup', '-u', user, `maildir:${from('copy')}`]);
  return finish(['import', 'maildir', from('copy'), ...where]);
}

/** The mail of all users in one command. */
async function importAll(format: string): Promise<Finished> {
  const conf = dovecot?.configuration ?? '';
  const copied = format === 'sdbox';
  for (const user of copied ? USERS : [])
    await ran('doveadm', ['-c', conf, 'backup', '-u', user, `maildir:${join(root, user, 'copy')}`]);
  return finish([
    ...['import', 'mail', 'dovecot', dirname(conf), '--json'],
    ...(copied ? ['--location', `maildir:${root}/%u/copy`] : []),
    ...['--config', folders?.config ?? '', '--data', folders?.data ?? ''],
  ]);
}

async function begin(format: string): Promise<Dovecot> {
  root = temporaryFolder('import');
  chmodSync(root, 0o777);
  for (const user of USERS) {
    mkdirSync(join(root, user));
    chmodSync(join(root, user), 0o777);
  }
  dovecot = await startDovecot(PASSWORD, `mail_location = ${LOCATIONS[format]?.(root)}\nmail_fsync = never`);
  folders = makeFolders({ 'main.cf': MAIN, 'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n' });
  for (const user of USERS)
    await runCommand(
      ['user', 'add', user, '--password-stdin', '--config', folders.config, '--data', folders.data],
      `${PASSWORD}\n`,
    );
  return dovecot;
}

async function expectSame(port: number): Promise<void> {
  if (folders === undefined) throw new Error('not begun');
  const server = await startServer({ files: {}, portOffset: await freeOffset(), folders });
  try {
    for (const user of USERS) expect(await seen(server.port(143), user)).toEqual(await seen(port, user));
  } finally {
    await server.stop({ keep: true });
  }
}

describe('D1, D6: mail of Dovecot', () => {
  it.each(Object.keys(LOCATIONS))('in %s is the same here, and so is what a second run adds', async (format) => {
    const { port } = await begin(format);
    for (const user of USERS) await fill(port, user);
    const first = await importAll(format);
    expect(first.code).toBe(0);
    const accounts = USERS.toSorted().map((user) => ({
      address: expect.stringMatching(`^${user}@`),
      added: 38 * MAILBOXES.length,
    }));
    expect(JSON.parse(first.out)).toMatchObject({ accounts, problems: [], notes: [] });
    await expectSame(port);
    await fill(port, 'xixi', MESSAGES + 1, 15);
    const again = await import_(format, 'xixi');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.out)).toMatchObject({ accounts: [{ added: 13 * MAILBOXES.length }], problems: [] });
    expect(JSON.parse((await import_(format, 'xixi')).out)).toMatchObject({ accounts: [{ added: 0 }], problems: [] });
    await expectSame(port);
  });

  it('is the same after five runs that were killed', async () => {
    const { port } = await begin('maildir');
    for (const user of USERS) await fill(port, user, 1, user === 'xixi' ? 300 : 12);
    for (let ms = 600; ms <= 1000; ms += 100) {
      const importing = launch([
        ...['import', 'maildir', join(root, 'xixi', 'Maildir'), '--user', 'xixi'],
        ...['--config', folders?.config ?? '', '--data', folders?.data ?? ''],
      ]);
      await delay(ms);
      importing.child.kill('SIGKILL');
      await importing.exited;
    }
    for (const user of USERS) expect(await import_('maildir', user)).toMatchObject({ code: 0 });
    await expectSame(port);
  });
});
