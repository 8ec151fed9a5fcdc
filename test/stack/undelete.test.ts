/** Requirement G10 through the whole process: what IMAP and POP3 delete comes back, with a server and without. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeFolder } from '../kit/folder.ts';
import { ImapClient } from '../kit/imap-client.ts';
import { Pop3Client } from '../kit/pop3-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { runCommand, startServer } from '../kit/server.ts';

const main = (retention: string): string =>
  `compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 192.0.2.1\nalias_maps =\nalias_database =\nsmtpd_tls_auth_only = no\nexpunged_retention_time = ${retention}\n`;

it('G10: expunged by IMAP, POP3 and with a folder, mail comes back, and sessions see it arrive', {
  timeout: 60_000,
}, async () => {
  const server = await startServer({
    files: { 'main.cf': main('1h') },
    accounts: { 'xixi@example.test': 'sesame' },
    portOffset: await freeOffset(),
  });
  const undelete = (...words: string[]): Promise<string> => server.command(['undelete', 'xixi', ...words]);
  try {
    const imap = new ImapClient(connect(server.port(143), '127.0.0.1'));
    await imap.until(/OK/);
    await imap.ok('LOGIN xixi sesame');
    await imap.append('INBOX', 'From: a@b.example\r\nSubject: First\r\n\r\n1\r\n', '(\\Flagged Work) ');
    await imap.append('INBOX', 'From: a@b.example\r\nSubject: Second\r\n\r\n2\r\n');
    await imap.ok('CREATE Gone');
    await imap.append('Gone', 'From: a@b.example\r\nSubject: Third\r\n\r\n3\r\n');
    await imap.ok('DELETE Gone');
    await imap.ok('SELECT INBOX');
    await imap.ok('STORE 1 +FLAGS (\\Deleted)');
    await imap.ok('EXPUNGE');
    const pop3 = new Pop3Client(connect(server.port(110), '127.0.0.1'));
    await pop3.line();
    for (const command of ['USER xixi', 'PASS sesame', 'DELE 1', 'QUIT'])
      expect(await pop3.ask(command)).toMatch(/^\+OK/);
    expect(await imap.ok('STATUS INBOX (MESSAGES SIZE DELETED)')).toMatch(/MESSAGES 0 SIZE 0 DELETED 0/);
    expect(await undelete('--list')).toMatch(/^expunged .*\n-.*\n(.*a@b\.example +(first|second|third)\n){3}$/);
    expect(await undelete('--folder', 'INBOX', '--dry-run')).toBe(
      '2 messages of xixi@example.test would be back in INBOX.\n',
    );
    expect(await undelete('--folder', 'INBOX', '--since', '2100-01-01')).toMatch(/no expunged message/);
    expect(await undelete('--folder', 'INBOX', '--since', '30m')).toBe(
      '2 messages of xixi@example.test are back in INBOX.\n',
    );
    expect(await imap.ok('NOOP')).toMatch(/\* 2 EXISTS/);
    expect(await imap.ok('FETCH 1 (UID FLAGS)')).toMatch(/UID 3 FLAGS \(\\Flagged Work( \\Recent)?\)/);
    expect(await undelete()).toBe('1 message of xixi@example.test is back in Gone, which was made again.\n');
    expect(await undelete()).toMatch(/^Nothing was changed/);
    // A reload with another time acts.
    await imap.ok('STORE 2 +FLAGS (\\Deleted)');
    await imap.ok('EXPUNGE');
    const count = async (): Promise<unknown> =>
      (JSON.parse(await undelete('--list', '--json')) as { count: number }).count;
    expect(await count()).toBe(1);
    for (const retention of ['0', '1h']) {
      writeFileSync(join(server.folders.config, 'main.cf'), main(retention));
      await server.command(['reload']);
      await expect.poll(count, { timeout: 20_000 }).toBe(0);
    }
    await imap.ok('STORE 1 +FLAGS (\\Deleted)');
    await imap.ok('CLOSE');
    imap.socket.destroy();
    await server.stop({ keep: true });
    const place = ['--config', server.folders.config, '--data', server.folders.data];
    expect(await runCommand(['undelete', 'xixi', ...place])).toBe('1 message of xixi@example.test is back in INBOX.\n');
  } finally {
    await server.stop({ keep: true });
    removeFolder(server.folders.root);
  }
});
