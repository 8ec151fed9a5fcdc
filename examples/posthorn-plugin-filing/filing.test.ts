/** The plugin in a real Posthorn: a configuration folder of its own, free ports on loopback, SMTP in, IMAP out. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BINARY = process.env['POSTHORN_BINARY'] ?? fileURLToPath(new URL('../../bin/posthorn.js', import.meta.url));
const PLUGIN = fileURLToPath(new URL('.', import.meta.url));
const MAIN = `compatibility_level = 3.6
myhostname = mail.example.com
mydomain = example.com
myorigin = $mydomain
mydestination = $mydomain
inet_interfaces = 127.0.0.1
alias_maps =
`;
const RULES = {
  rules: [
    { header: 'List-Id', contains: 'Announce.example.com', folder: 'Lists/Announce' },
    { header: 'subject', contains: '[urgent]', folder: 'INBOX', flags: ['\\Flagged'] },
  ],
};

const root = mkdtempSync(join(tmpdir(), 'posthorn-filing-'));
const config = join(root, 'config');
const where = ['--config', config, '--data', join(root, 'data')];
const run = (args: readonly string[], input = '') =>
  spawnSync(process.execPath, [BINARY, ...args, ...where], { input, encoding: 'utf8' });
let server: ChildProcess;
const ports = new Map<string, number>();

before(async () => {
  mkdirSync(join(config, 'plugins.d'), { recursive: true });
  writeFileSync(join(config, 'main.cf'), MAIN);
  writeFileSync(join(config, 'master.cf'), 'smtp inet n - n - - smtpd\n');
  writeFileSync(join(config, 'dovecot.conf'), 'protocols = imap\ndisable_plaintext_auth = no\n');
  writeFileSync(join(config, 'plugins'), 'restrictions\nfiling\n');
  writeFileSync(join(config, 'plugins.d/filing.json'), JSON.stringify(RULES));
  symlinkSync(PLUGIN, join(config, 'plugins.d/filing'));
  assert.equal(run(['user', 'add', 'maomao@example.com', '--password-stdin'], 'sesame\n').status, 0);
  const offset = String(10_000 + Math.floor(Math.random() * 20_000));
  server = spawn(process.execPath, [BINARY, 'start', ...where, '--port-offset', offset, '--json', '--quiet'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  for (const { service, port } of (JSON.parse(line) as { listeners: { service: string; port: number }[] }).listeners)
    ports.set(service, port);
});

after(async () => {
  const closed = once(server, 'close');
  server.kill();
  await closed;
  rmSync(root, { recursive: true });
});

/** Sends each text once the answer to the one before has come; gives all that came. */
async function talk(service: string, finished: RegExp, texts: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: ports.get(service) ?? 0 }).setEncoding('utf8');
  let [all, answer] = ['', ''];
  const rest = [...texts];
  for await (const chunk of socket as AsyncIterable<string>) {
    all += chunk;
    answer += chunk;
    if (!finished.test(answer)) continue;
    answer = '';
    const next = rest.shift();
    if (next === undefined) break;
    socket.write(`${next}\r\n`);
  }
  return all;
}

const send = (header: string): Promise<string> =>
  talk('smtp', /^\d{3} .*\r\n$/m, [
    'EHLO client.example.org',
    'MAIL FROM:<someone@example.org>',
    'RCPT TO:<maomao@example.com>',
    'DATA',
    `${header}\r\n\r\nHello.\r\n.`,
    'QUIT',
  ]);

const fetch = (folder: string): Promise<string> =>
  talk('imap', /^(?:\* OK|[a-z] (?:OK|NO|BAD)) .*\r\n$/m, [
    'a LOGIN maomao@example.com sesame',
    `b SELECT "${folder}"`,
    'c FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])',
    'd LOGOUT',
  ]);

test('a list gets a folder of its own, an urgent message a flag, the rest INBOX', async () => {
  for (const header of [
    'List-Id: News <announce.example.com>\r\nSubject: news',
    'Subject: [URGENT] help',
    'Subject: hello',
  ])
    assert.match(await send(header), /^250 2\.0\.0 Ok: queued as /m);
  const list = await fetch('Lists/Announce');
  assert.match(list, /^\* 1 EXISTS\r\n/m);
  assert.match(list, /^Subject: news\r\n/m);
  const inbox = await fetch('INBOX');
  assert.match(inbox, /^\* 2 EXISTS\r\n/m);
  assert.match(inbox, /^\* \d FETCH \(FLAGS \([^)]*\\Flagged[^)]*\) .*\r\nSubject: \[URGENT\] help\r\n/m);
  assert.match(inbox, /^\* \d FETCH \(FLAGS \((?!.*\\Flagged).*\r\nSubject: hello\r\n/m);
});

test('a faulty rule refuses the reload and is named; the old rules stay', async () => {
  writeFileSync(join(config, 'plugins.d/filing.json'), '{ "rules": [{ "header": "Subject" }] }');
  const { status, stderr } = run(['reload']);
  assert.equal(status, 78);
  assert.match(
    stderr,
    /plugins\.d\/filing\.json:1: plugin filing: rules\[0\]\.folder: is missing, expected text that is not empty/,
  );
  assert.match(await send('List-Id: <announce.example.com>\r\nSubject: more news'), /^250 2\.0\.0 /m);
  assert.match(await fetch('Lists/Announce'), /^\* 2 EXISTS\r\n/m);
});
