/** docs/tutorials.md: what it says of programs of Debian (dig, openssl, curl, mail …) is what they show (P4, B3). */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder } from '../kit/folder.ts';
import { type Folders, startServer, type TestServer } from '../kit/server.ts';
import { linkedCommands, perform, rowsOf, tutorialFolders } from '../kit/tutorials.ts';

/** With the ports that the tutorials type. */
const ADDRESS = '127.0.78.1';

let folders: Folders;
let server: TestServer;
let path: string;
beforeAll(async () => {
  folders = tutorialFolders(ADDRESS);
  appendFileSync(join(folders.config, 'main.cf'), 'smtpd_peername_lookup = no\nmynetworks = 127.0.0.0/8\n');
  server = await startServer({ files: {}, folders, portOffset: 0, accounts: { xixi: 'xixi', redhat: 'redhat' } });
  const bin = await linkedCommands(folders);
  path = `${bin}:${process.env['PATH']}`;
  writeFileSync(join(folders.root, 'letter'), 'Subject: hello\n\nhello\n');
  writeFileSync(join(folders.root, '.mailrc'), `set sendmail=${bin}/sendmail\n`);
});
afterAll(async () => {
  await server.stop({ keep: true });
  removeFolder(folders.root);
});

it('P4: programs of Debian show what the page of the tutorials says', async () => {
  const faults: string[] = [];
  const written = (command: string): string => command.replaceAll(/\blocalhost\b|127\.0\.0\.1\b/g, ADDRESS);
  for (const row of rowsOf('With programs of Debian')) {
    const fault = await perform(row, { path, folder: folders.root, written });
    if (fault !== null) faults.push(fault);
  }
  expect(faults).toEqual([]);
  // What mail(1) gave to sendmail has come: the other rows have other senders.
  await expect
    .poll(() => server.command(['log', '-n', '200', '--address', 'root@baidu.com']), { timeout: 10_000 })
    .toContain('from=<root@baidu.com>');
});
