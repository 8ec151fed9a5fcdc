/** `posthorn plugin replay`, with the real program: what a plugin would have done with mail that is there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { ReplayReport } from '../../src/app/replay/replay.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Not enabled in the server. It says what it was told, and counts in its state. */
const JUDGE = `import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';
export default definePlugin({
  name: 'judge',
  register(server) {
    server.on('connect', ({ connection }) => (connection.remote.ip === '127.0.0.9' ? deny() : NEXT));
    server.on('mail', async ({ connection, reversePath }) => {
      const count = await server.state.update('count', (before = 0) => before + 1);
      connection.notes.set('told', [connection.helo, connection.remote.ip, connection.protocol, reversePath, count].join(' '));
      return NEXT;
    });
    server.on('rcpt', ({ recipient }) => (recipient.original.startsWith('xixi@') ? deny(reply(550, '5.7.1', 'no xixi')) : NEXT));
    server.on('data_post', async ({ connection, transaction, content, change }) => {
      const subject = transaction.header.get('Subject');
      let text = '';
      for await (const piece of content) text += piece;
      if (/^(Return-Path|Delivered-To|Received):/mi.test(text)) return deny(reply(550, '5.7.1', 'sees our own lines'));
      if (subject === 'told') return deny(reply(550, '5.7.1', connection.notes.get('told') + ' ' + text.trim().split('\\r\\n').at(-1)));
      if (subject === 'send') await server.send({ from: '', to: ['maomao@example.test'], message: 'Subject: sent\\n\\nHello.' });
      if (subject === 'fail') throw new Error('it fails');
      change.addHeader('X-Judged', 'yes');
      return NEXT;
    });
    server.on('deliver', (letter) => {
      if (letter.header.get('Subject') === 'junk') letter.mailbox = 'Junk';
      return NEXT;
    });
  },
});
`;

let server: TestServer;
let offset: number;

async function send(subject: string, to = 'maomao@example.test', localAddress = '127.0.0.1'): Promise<void> {
  const smtp = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset, localAddress });
  await smtp.smtp();
  for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${to}>`, 'DATA'])
    expect(await smtp.smtp(command)).toMatch(/^[23]/);
  smtp.send(`Subject: ${subject}\r\n\r\nHello.`);
  expect(await smtp.smtp('.')).toMatch(/^250/);
  smtp.close();
}

async function replay(...options: readonly string[]): Promise<ReplayReport> {
  const { config, data } = server.folders;
  const { code, out, err } = await finish([
    'plugin',
    'replay',
    'judge',
    ...options,
    '--json',
    '--config',
    config,
    '--data',
    data,
  ]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as ReplayReport;
}

beforeAll(async () => {
  offset = await freeOffset();
  server = await startServer({
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.0/8\nalias_maps =\nsmtpd_peername_lookup = no\n',
      'master.cf': 'smtp inet n - n - - smtpd\n',
      plugins: 'restrictions\nrewriting\n',
    },
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao', 'xixi@example.test': 'xixi' },
  });
  mkdirSync(join(server.folders.config, 'plugins.d/judge'), { recursive: true });
  writeFileSync(join(server.folders.config, 'plugins.d/judge/index.ts'), JUDGE);
  for (const subject of ['plain', 'told', 'junk', 'send', 'fail']) await send(subject);
  await send('to xixi', 'xixi@example.test');
  await send('by a bad client', 'maomao@example.test', '127.0.0.9');
  const imap = await LineClient.connect({ host: '127.0.0.1', port: 143 + offset });
  await imap.line();
  await imap.imap('a', 'LOGIN maomao maomao');
  imap.send('b APPEND INBOX {19+}\r\nSubject: draft\r\n\r\nx');
  await imap.linesUntil((line) => line.startsWith('b '));
  imap.close();
});
afterAll(() => server.stop());

const expected = {
  plugin: 'judge',
  messages: 7,
  skipped: 1,
  sent: 1,
  changes: [{ change: 'header x-judged', messages: 3 }],
  notes: [
    expect.stringMatching(
      /^plugin judge: data_post of \w+ rejected: it fails; counts as a temporary failure$/,
    ) as string,
  ],
};

it('G16: a plugin is asked about stored mail as if it came now, beside the running server and without it', async () => {
  const report = await replay();
  expect(report).toMatchObject(expected);
  expect(
    Object.fromEntries(report.outcomes.map(({ outcome, messages, elsewhere }) => [outcome, [messages, elsewhere]])),
  ).toEqual({
    'no opinion': [2, 0],
    'refused at data_post': [2, 2],
    'put into Junk': [1, 1],
    'refused at rcpt': [1, 1],
    'refused at connect': [1, 1],
  });
  const wordsOf = (subject: string): string | undefined =>
    report.differences.find((one) => one.subject === subject)?.words;
  expect(wordsOf('told')).toBe('550 5.7.1 client.example 127.0.0.1 ESMTP a@example.org 2 Hello.');
  expect(wordsOf('to xixi')).toBe('550 5.7.1 no xixi');
  expect(wordsOf('fail')).toMatch(/^451 4\.3\.0 /);
  // Nothing was sent, and it remembers nothing.
  expect(await server.command(['queue', 'list', '--json'])).toMatch(/^\[\]\s*$/);
  const again = await replay();
  expect(again.differences.find(({ subject }) => subject === 'told')?.words).toContain(' 2 Hello.');
  expect(again.messages).toBe(7);
});

it('G16: a replay is of one account, of one mailbox, and from a time on', async () => {
  expect((await replay('--account', 'xixi')).outcomes).toEqual([
    { outcome: 'refused at rcpt', messages: 1, elsewhere: 1 },
  ]);
  expect((await replay('--since', '2999-01-01')).messages).toBe(0);
  const { config, data } = server.folders;
  const failed = async (...words: string[]): Promise<string> =>
    (await finish(['plugin', 'replay', ...words, '--config', config, '--data', data])).err;
  expect(await failed('judge', '--folder', 'Nowhere')).toContain('no mailbox is called Nowhere');
  expect(await failed('juge')).toContain('did you mean judge?');
  const { out } = await finish(['plugin', 'replay', 'judge', '--config', config, '--data', data]);
  expect(out).toContain('judge was asked about 7 messages; 1 without a Received field were left out.');
  expect(out).toMatch(/maomao@example\.test +INBOX +\d+ +<a@example\.org> +junk +put into Junk/);
});

it('G16: a replay without a running server says the same', async () => {
  await server.stop({ keep: true });
  expect(await replay()).toMatchObject(expected);
});
