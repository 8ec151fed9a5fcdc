/** LMTP through the whole process: on a port and on a UNIX socket, from dovecot.conf and from master.cf. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders, startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'mydomain = example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'relay_domains = inner.test',
  'inet_interfaces = 127.0.0.1',
  'mynetworks = 127.0.0.0/8',
  'alias_maps = inline:{{team = xixi, haha}}',
  // Would refuse strangers, but LMTP has none.
  'smtpd_client_restrictions = reject',
  'smtpd_helo_required = yes',
  'relayhost = [127.0.0.1]:9',
  '',
].join('\n');

const dovecot = (root: string): string => `protocols = imap lmtp
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 1224
  }
  unix_listener lmtp {
    mode = 0600
  }
  unix_listener ${root}/spool/private/lmtp {
    mode = 0660
    user = nobody-of-this-name
  }
  unix_listener ${root}/missing/lmtp {
  }
}
`;

let server: TestServer;
beforeAll(async () => {
  const folders = makeFolders({});
  mkdirSync(join(folders.root, 'spool/private'), { recursive: true });
  const files = {
    'main.cf': MAIN,
    'dovecot.conf': dovecot(folders.root),
    'master.cf': 'smtp inet n - n - - smtpd\n127.0.0.1:1225 inet n - n - - lmtpd\n  -o message_size_limit=2000\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folders.config, name), text);
  server = await startServer({
    files: {},
    folders,
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'sesame', 'haha@example.test': 'sesame' },
  });
});
afterAll(() => server.stop());

/** Sends the lines one by one; returns every line of the replies to the last. */
async function converse(socket: Socket, lines: readonly string[], answers = 1): Promise<string[]> {
  const input = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    for (;;) {
      const { value } = await input.next();
      if (value === undefined || /^\d{3} /.test(value)) return value ?? '';
    }
  };
  await answer();
  const found: string[] = [];
  for (const [i, line] of lines.entries()) {
    socket.write(`${line}\r\n`);
    const expected = i === lines.length - 1 ? answers : 1;
    for (let n = 0; n < expected; n += 1) found.push(await answer());
  }
  socket.destroy();
  return found.slice(-answers);
}

const deliver = (subject: string): string[] => [
  'LHLO client.test',
  'MAIL FROM:<a@far.test>',
  'RCPT TO:<xixi@example.test>',
  'RCPT TO:<team@example.test>',
  'DATA',
  `Subject: ${subject}\r\n\r\nhello\r\n.`,
];

async function subjects(user: string): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(143) });
  await client.line();
  await client.imap('a', `LOGIN ${user}@example.test sesame`);
  await client.imap('b', 'SELECT INBOX');
  const answer = await client.imap('c', 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject Delivered-To Received)]');
  client.close();
  return answer.filter((line) => /^(?:Subject|Received|\s+by .* with)/i.test(line));
}

const PLACES: Readonly<Record<string, () => Socket>> = {
  'the port of dovecot.conf': () => connect(server.port(1224), '127.0.0.1'),
  'the port of master.cf': () => connect(server.port(1225), '127.0.0.1'),
  'a socket below the data folder': () => connect(join(server.folders.data, 'lmtp')),
  'a socket by its path': () => connect(join(server.folders.root, 'spool/private/lmtp')),
};

describe('D1, D4: LMTP', () => {
  it.each(Object.keys(PLACES))('accepts mail at %s', async (name) => {
    const answers = await converse((PLACES[name] as () => Socket)(), deliver(name), 2);
    expect(answers).toEqual([
      expect.stringMatching(/^250 2\.0\.0 <xixi@example\.test> \w+ Saved$/),
      expect.stringMatching(/^250 2\.0\.0 <team@example\.test> \w+ Saved$/),
    ]);
    expect(await subjects('xixi')).toContain(`Subject: ${name}`);
    expect(await subjects('haha')).toContain(`Subject: ${name}`);
  });

  it('never relays, not even for mynetworks; refuses unknown recipients', async () => {
    for (const place of Object.values(PLACES)) {
      for (const address of ['z@far.test', 'z@inner.test', 'nobody@example.test']) {
        const lines = ['LHLO client.test', 'MAIL FROM:<a@far.test>', `RCPT TO:<${address}>`];
        expect(await converse(place(), lines)).toEqual([`550 5.1.1 <${address}> User doesn't exist: ${address}`]);
      }
    }
  });

  it('a row of master.cf has its own parameters', async () => {
    const long = [
      ...deliver('long').slice(0, -1),
      `${'x'.repeat(990)}\r\n${'x'.repeat(990)}\r\nxxxxxxxx\r\nxxxxxxxx\r\n.`,
    ];
    const [first] = await converse((PLACES['the port of master.cf'] as () => Socket)(), long, 2);
    expect(first).toMatch(/^552 5\.3\.4 /);
  });

  it('BDAT LAST has a reply for each recipient, also when the message is refused', async () => {
    const big = [...deliver('').slice(0, 4), `BDAT 2001 LAST\r\n${'x'.repeat(2001)}NOOP`];
    expect(await converse((PLACES['the port of master.cf'] as () => Socket)(), big, 3)).toEqual([
      '552 5.3.4 Chunk exceeds message size limit',
      '552 5.3.4 Chunk exceeds message size limit',
      '250 2.0.0 Ok',
    ]);
    const inChunks = [...big.slice(0, 4), `BDAT 2001\r\n${'x'.repeat(2001)}BDAT 2 LAST\r\nxxNOOP`];
    expect(await converse((PLACES['the port of master.cf'] as () => Socket)(), inChunks, 4)).toEqual([
      '552 5.3.4 Chunk exceeds message size limit',
      '551 5.0.0 Discarded 2 bytes after earlier error',
      '551 5.0.0 Discarded 2 bytes after earlier error',
      '250 2.0.0 Ok',
    ]);
  });

  it('sockets have the configured permissions', () => {
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect(mode(join(server.folders.data, 'lmtp'))).toBe(0o600);
    expect(mode(join(server.folders.root, 'spool/private/lmtp'))).toBe(0o660);
  });

  it('settings that cannot be applied are reported', async () => {
    const { root } = server.folders;
    const notes = (await server.command(['check'])).replaceAll(root, 'ROOT');
    expect(notes).toContain(
      'dovecot.conf:10: unix_listener ROOT/spool/private/lmtp: there is no user "nobody-of-this-name": the socket stays the server\'s',
    );
    expect(notes).toContain('unix_listener ROOT/missing/lmtp: not opened: there is no folder ROOT/missing');
  });

  it('a reload opens and closes listeners; closing a socket removes its file', async () => {
    const socket = join(server.folders.data, 'lmtp');
    const conf = join(server.folders.config, 'dovecot.conf');
    writeFileSync(conf, 'protocols = imap\n');
    await server.command(['reload']);
    expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined();
    writeFileSync(conf, dovecot(server.folders.root));
    await server.command(['reload']);
    expect(await converse(connect(socket), ['NOOP'])).toEqual(['250 2.0.0 Ok']);
    writeFileSync(conf, dovecot(server.folders.root).replace('mode = 0600', 'mode = 0620'));
    await server.command(['reload']);
    expect(statSync(socket).mode & 0o777).toBe(0o620);
    expect(await converse(connect(socket), ['NOOP'])).toEqual(['250 2.0.0 Ok']);
  });

  it('a socket left by a killed server is replaced', async () => {
    server.signal('SIGKILL');
    await server.exited;
    const socket = join(server.folders.data, 'lmtp');
    expect(statSync(socket).isSocket()).toBe(true);
    server = await startServer({ files: {}, folders: server.folders, portOffset: await freeOffset() });
    expect(await converse(connect(socket), ['NOOP'])).toEqual(['250 2.0.0 Ok']);
  });
});
