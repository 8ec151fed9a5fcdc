/** D6: a real Dovecot reads what `posthorn export` writes beside a running server: the same UIDs, flags, dates, octets. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { fill, MAILBOXES, PASSWORD, seen } from './mailboxes.ts';
import { ran } from './program.ts';

vi.setConfig({ testTimeout: 120_000 });

const MAIN = 'compatibility_level = 3.6\nmyhostname = mail.example.org\ninet_interfaces = 127.0.0.1\nalias_maps =\n';

let root: string;
let dovecot: Dovecot | undefined;
let server: TestServer | undefined;

afterEach(async () => {
  await dovecot?.stop();
  await server?.stop();
  dovecot = undefined;
  server = undefined;
  removeFolder(root);
});

/** Our own mail of one user, in a folder that Dovecot may write to. */
async function begin(): Promise<TestServer> {
  root = temporaryFolder('export');
  await ran('chmod', ['777', root]);
  server = await startServer({
    files: { 'main.cf': MAIN, 'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n' },
    portOffset: await freeOffset(),
    accounts: { 'maomao@example.org': PASSWORD },
  });
  await fill(server.port(143), 'maomao');
  return server;
}

async function exported({ folders }: TestServer, ...words: string[]): Promise<void> {
  const where = ['--config', folders.config, '--data', folders.data, '--json'];
  const { code, out, err } = await finish(['export', ...words, ...where]);
  expect([code, err]).toEqual([0, '']);
  expect(JSON.parse(out)).toMatchObject({ address: 'maomao@example.org', problems: [] });
}

it('D6: Dovecot has the same mailboxes from an exported Maildir', async () => {
  const ours = await begin();
  await exported(ours, 'maildir', 'maomao@example.org', join(root, 'maomao'));
  await ran('chown', ['-R', 'mail:mail', root]);
  dovecot = await startDovecot(PASSWORD, `mail_location = maildir:${root}/%u`);
  const [there, here] = [await seen(dovecot.port, 'maomao'), await seen(ours.port(143), 'maomao')];
  expect(Object.keys(there['INBOX']?.messages ?? {})).toHaveLength(38);
  expect(there).toEqual(here);
});

it('D6: Dovecot has the same mailboxes from exported mbox files', async () => {
  const ours = await begin();
  mkdirSync(join(root, 'mail', 'Work'), { recursive: true });
  const FILES = ['inbox', 'mail/Sent', 'mail/Work/T&APY-st', 'mail/Old'];
  const NAMES = ['INBOX', 'Sent', 'Work/T\u00f6st', 'Old'];
  for (const [index, file] of FILES.entries())
    await exported(ours, 'mbox', 'maomao@example.org', join(root, file), '--folder', NAMES[index] ?? '');
  await ran('chown', ['-R', 'mail:mail', root]);
  dovecot = await startDovecot(PASSWORD, `mail_location = mbox:${root}/mail:INBOX=${root}/inbox`);
  const [there, here] = [await seen(dovecot.port, 'maomao', false), await seen(ours.port(143), 'maomao')];
  expect(Object.keys(there)).toEqual(MAILBOXES);
  expect(there).toEqual(here);
});
