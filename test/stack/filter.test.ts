/**
 * A filter between two services of master.cf, as amavis stands there: mail goes to it by content_filter and comes back to
 * a service without one. The server is killed while the filter has the mail: nothing is lost, and the user has it once.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

let filter: Sink;
let server: TestServer;
let files: Record<string, string>;
let ports: { in: number; back: number; imap: number };
/** Recipients that the filter saw, by subject. */
const seen: string[] = [];
/** Called when the filter has a message with this subject, before it gives it back. */
const onMessage = new Map<string, () => Promise<void>>();

async function send(port: number, to: readonly string[], text: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 20_000 });
  try {
    await client.smtp();
    for (const line of [
      'EHLO a.test',
      'MAIL FROM:<a@b.test>',
      ...to.map((one) => `RCPT TO:<${one}>`),
      'DATA',
      `${text}\r\n.`,
    ]) {
      const answer = await client.smtp(line);
      if (!/^[23]/.test(answer)) throw new Error(`${line}: ${answer}`);
    }
  } finally {
    client.close();
  }
}

/** The header of each message in the INBOX. */
async function inbox(): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: ports.imap, timeoutMs: 20_000 });
  try {
    await client.line();
    await client.imap('l', 'LOGIN xixi password');
    await client.imap('s', 'SELECT INBOX');
    const answer = (await client.imap('f', 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT X-SCANNED)]')).join('\n');
    return [...answer.matchAll(/Subject: (.*)\n/g)].map(
      ([, subject = '']) => `${subject.trim()} ${/X-Scanned: yes/.test(answer)}`,
    );
  } finally {
    client.close();
  }
}

async function arrived(count: number): Promise<string[]> {
  for (let i = 0; i < 400; i += 1) {
    const mail = await inbox().catch(() => []);
    if (mail.length >= count) return mail;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return inbox();
}

beforeAll(async () => {
  filter = await openSink({
    onData(stream, session, done) {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        const text = Buffer.concat(pieces).toString('latin1').trimEnd();
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const subject = /^Subject: (.*)\r$/m.exec(text)?.[1] ?? '';
        seen.push(`${subject}: ${to.join()}`);
        const passOn = async (): Promise<void> => {
          await onMessage.get(subject)?.();
          await send(ports.back, to, `X-Scanned: yes\r\n${text}`);
        };
        passOn().then(
          () => done(null, 'passed on'),
          () => done(Object.assign(new Error('later'), { responseCode: 451 })),
        );
      });
    },
  });
  const offset = await freeOffset();
  ports = { in: offset + 25, back: offset + 587, imap: offset + 143 };
  files = {
    'main.cf': `${[
      'compatibility_level = 3.6',
      'myhostname = mail.ours.test',
      'mydomain = ours.test',
      'myorigin = $mydomain',
      'mydestination = $mydomain',
      'inet_interfaces = 127.0.0.1',
      'mynetworks = 127.0.0.0/8',
      'alias_maps = inline:{team=xixi}',
      'virtual_alias_maps = inline:{{everyone@ours.test=team@ours.test}}',
      `content_filter = scan:[127.0.0.1]:${filter.port}`,
      'minimal_backoff_time = 1s',
      'maximal_backoff_time = 1s',
      'queue_run_delay = 1s',
    ].join('\n')}\n`,
    'master.cf': `${[
      `127.0.0.1:${ports.in} inet n - n - - smtpd`,
      'scan unix - - n - 2 smtp',
      `127.0.0.1:${ports.back} inet n - n - - smtpd -o content_filter= -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks`,
    ].join('\n')}\n`,
    'dovecot.conf': `protocols = imap\nssl = no\ndisable_plaintext_auth = no\nservice imap-login {\n inet_listener imap {\n port = ${ports.imap}\n }\n}\n`,
  };
  server = await startServer({ portOffset: 0, accounts: { 'xixi@ours.test': 'password' }, files });
});
afterAll(async () => {
  await server?.stop();
  await filter?.close();
});

it('P9: mail passes the filter and comes back, and local aliases are replaced only then', async () => {
  await send(ports.in, ['everyone@ours.test'], 'Subject: one\r\n\r\nbody');
  expect(await arrived(1)).toEqual(['one true']);
  expect(seen).toEqual(['one: team@ours.test']);
});

it('P9: a server that is killed while the filter has the mail sends it again, and the user has it once', async () => {
  onMessage.set('two', async () => {
    onMessage.delete('two');
    server.signal('SIGKILL');
    await server.exited;
  });
  await send(ports.in, ['xixi@ours.test'], 'Subject: two\r\n\r\nbody');
  await server.exited;
  server = await startServer({ portOffset: 0, files, folders: server.folders });
  expect(await arrived(2)).toEqual(['one true', 'two true']);
  expect(seen.slice(1)).toEqual(['two: xixi@ours.test', 'two: xixi@ours.test']);
});
