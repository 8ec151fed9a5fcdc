/**
 * kill -9 during a stream of deliveries, twenty times at random moments (requirement G1): every message that got its
 * 250 is in the mailbox once after the restart, and was relayed to its remote recipient; one whose 250 was not read was
 * sent again by its client, as clients do, and is there once or twice.
 */
import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { type Folders, makeFolders, startServer, type TestServer } from '../kit/server.ts';

const ROUNDS = 20;
const CONNECTIONS = 8;
const OFFSET = 22_000;
const ACCOUNT = 'maomao@crash.example';

/** Receives the relayed copies: a minimal SMTP server. Subjects in order of arrival. */
const arrived: string[] = [];
let sink: Server;
let sinkPort = 0;

beforeAll(async () => {
  sink = createServer((socket) => {
    let data = false;
    socket.on('error', () => {});
    socket.write('220 sink ESMTP\r\n');
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    // A killed client resets its connection; readline reports it once more.
    lines.on('error', () => {});
    lines.on('line', (line) => {
      if (data) {
        if (line.startsWith('Subject: ')) arrived.push(line.slice('Subject: '.length));
        if (line !== '.') return;
        data = false;
        socket.write('250 2.0.0 Ok\r\n');
        return;
      }
      data = line.toUpperCase() === 'DATA';
      if (/^QUIT/i.test(line)) socket.end('221 Bye\r\n');
      else socket.write(data ? '354 go on\r\n' : '250 Ok\r\n');
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const address = sink.address();
  sinkPort = typeof address === 'object' && address !== null ? address.port : 0;
});

afterAll(() => {
  sink.close();
});

const configuration = (): Record<string, string> => ({
  'main.cf': [
    'compatibility_level = 3.6',
    'myhostname = mail.crash.example',
    'mydomain = crash.example',
    'myorigin = $mydomain',
    'mydestination = $myhostname, $mydomain',
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    'mynetworks = 127.0.0.0/8',
    'smtpd_client_connection_count_limit = 0',
    `relayhost = [127.0.0.1]:${sinkPort}`,
    'smtp_tls_security_level = none',
    'minimal_backoff_time = 1s',
    'maximal_backoff_time = 2s',
    '',
  ].join('\n'),
  'dovecot.conf': 'protocols = imap\ndisable_plaintext_auth = no\n',
});

interface Letter {
  readonly subject: string;
  readonly remote: boolean;
  /** How often the end of DATA was sent. */
  tries: number;
  acknowledged: boolean;
}

/** Sends messages one after the other until the connection breaks; the next client repeats an unacknowledged one. */
async function stream(port: number, next: () => Letter, onAcknowledged: () => void): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  try {
    await client.smtp();
    await client.smtp('EHLO client.example');
    for (;;) {
      const letter = next();
      await client.smtp('MAIL FROM:<sender@example.org>');
      await client.smtp(`RCPT TO:<${ACCOUNT}>`);
      if (letter.remote) await client.smtp('RCPT TO:<far@elsewhere.example>');
      await client.smtp('DATA');
      client.send(`Subject: ${letter.subject}\r\n\r\n${'x'.repeat(randomInt(10, 4000))}`);
      letter.tries += 1;
      const answer = await client.smtp('.');
      expect(answer).toMatch(/^250 2\.0\.0 Ok: queued as /);
      letter.acknowledged = true;
      onAcknowledged();
    }
  } finally {
    client.close();
  }
}

/** How often each subject is in the mailbox. */
async function subjectsInMailbox(server: TestServer): Promise<Map<string, number>> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(143), timeoutMs: 60_000 });
  await client.line();
  await client.imap('a1', `LOGIN ${ACCOUNT} secret`);
  await client.imap('a2', 'SELECT INBOX');
  const counts = new Map<string, number>();
  for (const line of await client.imap('a3', 'FETCH 1:* (ENVELOPE)')) {
    const subject = /ENVELOPE \((?:NIL|"[^"]*") "([^"]+)"/.exec(line)?.[1];
    if (subject !== undefined) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  client.close();
  return counts;
}

it('P13: a message that got its 250 survives kill -9 at any moment, once', async () => {
  const folders: Folders = makeFolders(configuration());
  const letters: Letter[] = [];
  const doubtful: Letter[] = [];
  const files = configuration();
  const start = (first: boolean): Promise<TestServer> =>
    startServer({ files, portOffset: OFFSET, folders, ...(first ? { accounts: { [ACCOUNT]: 'secret' } } : {}) });

  for (let round = 0; round < ROUNDS; round += 1) {
    const server = await start(round === 0);
    const underway = new Set<Letter>();
    let acknowledged = 0;
    const enough = randomInt(1, 400);
    const reached = Promise.withResolvers<void>();
    const clients = Array.from({ length: CONNECTIONS }, () => {
      let mine: Letter | null = null;
      const next = (): Letter => {
        if (mine !== null) underway.delete(mine);
        mine = doubtful.pop() ?? {
          subject: `letter-${letters.length}`,
          remote: letters.length % 3 === 0,
          tries: 0,
          acknowledged: false,
        };
        if (mine.tries === 0) letters.push(mine);
        underway.add(mine);
        return mine;
      };
      return stream(server.port(25), next, () => {
        acknowledged += 1;
        if (acknowledged >= enough) reached.resolve();
      }).catch(() => {});
    });
    await Promise.race([reached.promise, Promise.all(clients)]);
    await delay(randomInt(0, 30));
    server.signal('SIGKILL');
    await server.exited;
    await Promise.all(clients);
    for (const letter of underway) if (!letter.acknowledged) doubtful.push(letter);
  }

  const server = await start(false);
  try {
    const inMailbox = await subjectsInMailbox(server);
    const acknowledged = letters.filter((letter) => letter.acknowledged);
    const lost = acknowledged.filter(({ subject }) => !inMailbox.has(subject));
    const twice = acknowledged.filter(({ subject, tries }) => (inMailbox.get(subject) ?? 0) > tries);
    console.log(
      `${ROUNDS} kills: ${acknowledged.length} acknowledged, ${letters.length - acknowledged.length} in doubt at the end, ${lost.length} lost, ${twice.length} too often`,
    );
    expect(acknowledged.length).toBeGreaterThan(ROUNDS);
    expect(lost).toEqual([]);
    expect(twice).toEqual([]);

    await expect
      .poll(async () => JSON.parse(await server.command(['mailq', '--json'])), { timeout: 60_000, interval: 500 })
      .toEqual([]);
    const delivered = new Set(arrived);
    expect(acknowledged.filter(({ subject, remote }) => remote && !delivered.has(subject))).toEqual([]);
  } finally {
    await server.stop();
  }
});
