/** The filter at a real server: it learns from what an IMAP client moves, and files what comes then. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { ImapClient } from '../../test/kit/imap-client.ts';
import { freeOffset } from '../../test/kit/ports.ts';
import { startServer, type TestServer } from '../../test/kit/server.ts';

const FILES = {
  'main.cf':
    'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\n',
  'master.cf': 'smtp inet n - n - - smtpd\n',
  'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n',
  plugins: 'bayes\nrestrictions\nrewriting\n',
  'plugins.d/bayes.json': '{ "minimum": 3, "every": 1 }',
};

const SPAM = (n: number): string =>
  `Subject: =?UTF-8?B?${Buffer.from(`代开发票${n}`).toString('base64')}?=\nX-Bayes: ham; score=0.0000; learned=9/9; id=x\nContent-Type: text/plain; charset=utf-8\n\n本公司代开各类增值税发票，先验票后付款，加微信。\n`;
const HAM = (n: number): string =>
  `Subject: Minutes ${n}\n\nThe meeting about the budget is moved to Thursday, see the minutes.\n`;

async function send(server: TestServer, to: string, message: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25) });
  try {
    await client.smtp();
    for (const line of ['EHLO client.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${to}>`, 'DATA'])
      await client.smtp(line);
    client.send(Buffer.from(message.replaceAll('\n', '\r\n')).toString('latin1'));
    expect(await client.smtp('.')).toMatch(/^250/);
  } finally {
    client.close();
  }
}

async function logIn(server: TestServer, address: string): Promise<ImapClient> {
  const socket = connect(server.port(143), '127.0.0.1');
  await once(socket, 'connect');
  const imap = new ImapClient(socket);
  await imap.ok(`LOGIN ${address} secret`);
  return imap;
}

const log = ({ folders }: TestServer): string =>
  readFileSync(join(folders.data, 'log/mail.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('bayes'))
    .join('\n');

const headers = (imap: ImapClient, mailbox: string): Promise<string> =>
  imap.ok(`SELECT ${mailbox}`).then(() => imap.ok('FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (X-Bayes)])'));

it('learns from moves into Junk and to other folders, and files mail of either kind, for others too', async () => {
  const server = await startServer({
    files: FILES,
    portOffset: await freeOffset(),
    accounts: { 'user@example.test': 'secret', 'other@example.test': 'secret' },
  });
  try {
    const imap = await logIn(server, 'user@example.test');
    for (let n = 1; n <= 3; n += 1) await send(server, 'user@example.test', SPAM(n));
    for (let n = 1; n <= 3; n += 1) await send(server, 'user@example.test', HAM(n));
    const untrained = await headers(imap, 'INBOX');
    expect(untrained).toMatch(/X-Bayes: untrained; learned=0\/0; id=\w+\r\n/);
    expect(untrained).not.toContain('id=x');
    await imap.ok('MOVE 1:3 Junk');
    await imap.ok('COPY 1:3 Archive');
    for (let tries = 0; ; tries += 1) {
      await send(server, 'other@example.test', SPAM(4));
      const other = await logIn(server, 'other@example.test');
      if ((await other.ok('STATUS Junk (MESSAGES)')).includes('MESSAGES 1')) break;
      if (tries === 60) throw new Error(`it was not learned:\n${log(server)}`);
      await delay(300);
    }
    await send(server, 'user@example.test', SPAM(5));
    await send(server, 'user@example.test', HAM(4));
    expect(await headers(imap, 'Junk')).toMatch(
      /\* 4 FETCH .*\$Junk.*\r\nX-Bayes: spam; score=(?:1\.0|0\.9)\d+; learned=3\/3; id=\w+\r\n/,
    );
    expect(await headers(imap, 'INBOX')).toMatch(
      /\* 4 FETCH .*\$NotJunk.*\r\nX-Bayes: ham; score=0\.0\d+; learned=3\/3; /,
    );
  } finally {
    await server.stop();
  }
}, 60_000);
