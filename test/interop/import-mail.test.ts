/**
 * Mail of a real Dovecot in each of its formats, imported, and then every mailbox of both servers compared by IMAP:
 * UIDVALIDITY, UIDNEXT, UIDs, flags, dates, octets.
 */
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Finished, finish, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, runCommand, startServer } from '../kit/server.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { fill, MAILBOXES, MESSAGES, PASSWORD, seen } from './mailboxes.ts';
import { ran } from './program.ts';

vi.setConfig({ testTimeout: 120_000 });

const USERS = ['maomao', 'xixi', 'haha'];
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
