/**
 * Bad input from the network (requirement G5): each kind gets the protocol's own error response, memory stays
 * bounded, a good client is served meanwhile, and nothing that was acknowledged is lost.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders, startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'mynetworks = 127.0.0.1/32',
  'alias_maps =',
  'message_size_limit = 300000',
  'smtpd_timeout = 2s',
  '',
].join('\n');
const GENEROUS = 200 * 1024 * 1024;

let server: TestServer;
let offset: number;
const sockets: Socket[] = [];
const clients: LineClient[] = [];
beforeAll(async () => {
  offset = await freeOffset();
  server = await startServer({
    files: { 'main.cf': MAIN },
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao' },
  });
});
afterEach(() => {
  for (const one of [...sockets.splice(0)]) one.destroy();
  for (const one of clients.splice(0)) one.close();
});
afterAll(() => server.stop());

async function client(port: number, localAddress = '127.0.0.1'): Promise<LineClient> {
  const connected = await LineClient.connect({
    host: '127.0.0.1',
    port: port + offset,
    tls: [465, 993, 995].includes(port),
    localAddress,
  });
  clients.push(connected);
  await connected.line();
  return connected;
}

/** A socket that sends these bytes; `text` collects what arrives, `closed` resolves at the end. */
function raw(
  port: number,
  bytes: Buffer | string,
  localAddress = '127.0.0.1',
): { text(): string; readonly closed: Promise<void>; readonly socket: Socket } {
  const socket = connect({ host: '127.0.0.1', port: port + offset, localAddress });
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(bytes);
  return { text: () => text, closed, socket };
}

const memory = (pid = server.pid): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

/** Sends a message and reads it by IMAP: this must work during every attack. */
async function goodClient(subject: string): Promise<void> {
  const smtp = await client(25);
  for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', 'RCPT TO:<maomao@example.test>', 'DATA'])
    await smtp.smtp(command);
  smtp.send(`Subject: ${subject}\r\n\r\nHello.`);
  expect(await smtp.smtp('.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
  const imap = await mailbox();
  expect((await imap.imap('s', `SEARCH SUBJECT "${subject}"`))[0]).toMatch(/^\* SEARCH \d+$/);
}

async function mailbox(): Promise<LineClient> {
  const imap = await client(143);
  expect((await imap.imap('l', 'LOGIN maomao maomao')).at(-1)).toMatch(/^l OK /);
  await imap.imap('i', 'SELECT INBOX');
  return imap;
}

describe('commands', () => {
  it('invalid commands are refused, and the session goes on', async () => {
    const smtp = await client(25);
    expect(await smtp.smtp('FROBNICATE now')).toMatch(/^50[02] 5\.5\.[12] .*command not recognized$/);
    expect(await smtp.smtp('EHLO client.example')).toMatch(/^250-/);
    const pop3 = await client(110);
    expect(await pop3.pop3('FROBNICATE')).toEqual([expect.stringMatching(/^-ERR /)]);
    expect(await pop3.pop3('USER maomao')).toEqual([expect.stringMatching(/^\+OK/)]);
    const imap = await client(143);
    expect((await imap.imap('a', 'FROBNICATE')).at(-1)).toMatch(/^a BAD /);
    expect((await imap.imap('b', 'NOOP')).at(-1)).toMatch(/^b OK /);
  });

  it('a line of a megabyte is refused without being stored', async () => {
    const before = memory();
    const line = 'x'.repeat(1024 * 1024);
    const smtp = await client(25);
    expect(await smtp.smtp(line)).toMatch(/^(?:500 5\.5\.2|421) /);
    const pop3 = await client(110);
    expect(await pop3.pop3(line)).toEqual([expect.stringMatching(/^-ERR /)]);
    const imap = await client(143);
    imap.send(`a NOOP ${line}`);
    expect(await imap.line()).toMatch(/^(?:a|\*) (?:BAD|BYE) /);
    expect(memory() - before).toBeLessThan(GENEROUS);
    await goodClient('after long lines');
  });

  it('an endless line is cut off or ignored, never stored', async () => {
    const before = memory();
    const flood = Buffer.alloc(8 * 1024 * 1024, 'y');
    const floods = [25, 110, 143].map((port) => raw(port, flood));
    await Promise.all(
      floods.map(
        ({ socket }) =>
          new Promise<void>((resolve) =>
            socket.writableLength === 0 ? resolve() : socket.once('drain', resolve).once('close', resolve),
          ),
      ),
    );
    expect(memory() - before).toBeLessThan(GENEROUS);
    await goodClient('beside endless lines');
  });

  it('a literal of 4 GB is refused before any of it is read', async () => {
    const imap = await client(143);
    imap.send('a LOGIN {4294967295}');
    expect(await imap.line()).toMatch(/^(?:a|\*) (?:BAD|NO|BYE) /);
    const open = await mailbox();
    open.send('b APPEND INBOX {4294967295}');
    expect(await open.line()).toMatch(/^b (?:NO|BAD) \[TOOBIG\] |^(?:b|\*) (?:NO|BAD|BYE) /);
    const endless = await client(143);
    endless.send('c LOGIN {99999999999999999999999}');
    expect(await endless.line()).toMatch(/^(?:c|\*) (?:BAD|NO|BYE) /);
    await goodClient('after great literals');
  });
});

describe('messages over the size limit', () => {
  it('are refused at MAIL if announced, otherwise after their end, and the session goes on', async () => {
    const smtp = await client(25);
    expect(await smtp.smtp('EHLO client.example')).toContain('250-SIZE 300000');
    expect(await smtp.smtp('MAIL FROM:<a@example.org> SIZE=400000')).toMatch(/^552 5\.3\.4 Message size exceeds/);
    for (const command of ['MAIL FROM:<a@example.org>', 'RCPT TO:<maomao@example.test>', 'DATA'])
      await smtp.smtp(command);
    smtp.send(`Subject: too much\r\n\r\n${`${'z'.repeat(98)}\r\n`.repeat(10_000)}`);
    expect(await smtp.smtp('.')).toMatch(/^552 5\.3\.4 /);
    expect(await smtp.smtp('RSET')).toMatch(/^250 /);
    const imap = await mailbox();
    imap.send('a APPEND INBOX {400000}');
    expect(await imap.line()).toMatch(/^a NO \[TOOBIG\] /);
    expect((await imap.imap('b', 'SEARCH SUBJECT "too much"'))[0]).toBe('* SEARCH');
  });
});

describe('connections', () => {
  it('a silent one gets the timeout message and is closed', async () => {
    const silent = raw(25, '');
    const halfway = raw(25, 'EHLO client.example\r\nMAIL FROM:<a@exam');
    await Promise.all([silent.closed, halfway.closed]);
    expect(silent.text()).toMatch(/421 4\.4\.2 mail\.example\.test Error: timeout exceeded\r\n$/);
    expect(halfway.text()).toMatch(/421 4\.4\.2 mail\.example\.test Error: timeout exceeded\r\n$/);
  });

  it('hundreds are served at once, one client too many is refused, and others still get service', async () => {
    const before = memory();
    const trusted = Array.from({ length: 300 }, () => raw(143, ''));
    const strangers = Array.from({ length: 80 }, () => raw(25, '', '127.0.1.77'));
    // Connections of a client beyond smtpd_client_connection_count_limit (50) are refused.
    await Promise.all(strangers.slice(60).map(({ closed }) => closed));
    expect(strangers.slice(60).map(({ text }) => text().slice(0, 9))).toEqual(
      strangers.slice(60).map(() => '421 4.7.0'),
    );
    await goodClient('among hundreds');
    expect(trusted.filter(({ text }) => text().startsWith('* OK ')).length).toBe(300);
    expect(memory() - before).toBeLessThan(GENEROUS);
  });

  it('garbage, TLS on plaintext ports and plaintext on TLS ports cause no harm', async () => {
    const before = memory();
    const hello = Buffer.from(`16030100${'c8'}01${'0000c4'}0303${'00'.repeat(194)}`, 'hex');
    const junk = [25, 587, 110, 143].flatMap((port) => [
      raw(port, hello),
      raw(port, Buffer.concat([randomBytes(200_000), Buffer.from('\r\n')])),
      raw(port, '\r\n'.repeat(5_000)),
    ]);
    const clear = [465, 993, 995].map((port) => raw(port, 'EHLO client.example\r\na LOGIN x y\r\n'));
    await goodClient('amid garbage');
    await Promise.all(clear.map(({ closed }) => closed));
    for (const { text } of clear) expect(text()).not.toMatch(/[A-Z]{4}|OK/);
    for (const { socket } of junk) socket.destroy();
    expect(memory() - before).toBeLessThan(GENEROUS);
    await goodClient('after garbage');
  });
});

describe.runIf(process.getuid?.() === 0 && canMount())('a full disk (needs root, for a small tmpfs)', () => {
  let full: TestServer;
  let data: string;
  let folders: Folders;
  beforeAll(async () => {
    folders = makeFolders({ 'main.cf': MAIN.replace('message_size_limit = 300000', 'message_size_limit = 3000000') });
    data = folders.data;
    mkdirSync(data);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', data]);
    offset = await freeOffset();
    full = await startServer({ files: {}, folders, portOffset: offset, accounts: { 'maomao@example.test': 'maomao' } });
  });
  afterAll(async () => {
    await full.stop({ keep: true });
    execFileSync('umount', [data]);
    removeFolder(folders.root);
  });

  async function send(subject: string, octets: number): Promise<string> {
    const smtp = await client(25);
    await smtp.smtp('EHLO client.example');
    for (const command of ['MAIL FROM:<a@example.org>', 'RCPT TO:<maomao@example.test>', 'DATA']) {
      const answer = await smtp.smtp(command);
      if (/^[45]/.test(answer)) return answer;
    }
    smtp.send(`Subject: ${subject}\r\n\r\n${`${randomBytes(36).toString('hex')}\r\n`.repeat(Math.ceil(octets / 74))}`);
    return smtp.smtp('.');
  }

  it('gives 452 and NO while it is full; POP3 still reads; later mail is accepted again and nothing is lost', async () => {
    const kept: string[] = [];
    expect(await send('first', 1_000)).toMatch(/^250 /);
    kept.push('first');
    writeFileSync(join(data, 'ballast'), Buffer.alloc(Math.max(0, freeOctets(data) - 3_000_000)));
    let answer = '';
    for (let count = 0; count < 40; count += 1) {
      answer = await send(`letter${count}`, 400_000);
      if (!answer.startsWith('250 ')) break;
      kept.push(`letter${count}`);
    }
    expect(answer).toMatch(/^452 4\.3\.1 Insufficient system storage$/);
    // Whether its first or its last octet does not fit.
    for (let octets = 2_500_000; octets > 500_000; octets /= 3)
      expect(await send('too much', octets)).toMatch(/^452 4\.3\.1 /);

    const imap = await mailbox();
    const message = `Subject: appended\r\n\r\n${`${randomBytes(36).toString('hex')}\r\n`.repeat(36_000)}`;
    imap.send(`a APPEND INBOX {${message.length}}`);
    const consent = await imap.line();
    if (consent.startsWith('+')) imap.send(message);
    const refused = consent.startsWith('+') ? await imap.linesUntil((line) => line.startsWith('a ')) : [consent];
    expect(refused.at(-1)).toMatch(/^a NO /);

    const pop3 = await client(110);
    await pop3.pop3('USER maomao');
    expect(await pop3.pop3('PASS maomao')).toEqual([expect.stringMatching(/^\+OK/)]);
    expect((await pop3.pop3('RETR 1', true)).join('\n')).toContain('Subject: first');

    rmSync(join(data, 'ballast'));
    expect(await send('afterwards', 400_000)).toMatch(/^250 2\.0\.0 Ok: queued as /);
    kept.push('afterwards');
    const again = await mailbox();
    for (const subject of kept)
      expect((await again.imap('s', `SEARCH SUBJECT "${subject}"`))[0]).toMatch(/^\* SEARCH \d/);
    expect((await again.imap('s', 'SEARCH SUBJECT "appended"'))[0]).toBe('* SEARCH');
    for (const one of clients.splice(0)) one.close();

    // A stop with a full disk, when not even the log can be written, still ends the process.
    fill(data);
    full.signal('SIGTERM');
    expect(await full.exited).not.toBeNull();
  });
});

function canMount(): boolean {
  const probe = makeFolders({});
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe.config], { stdio: 'ignore' });
    execFileSync('umount', [probe.config]);
    return true;
  } catch {
    return false;
  } finally {
    removeFolder(probe.root);
  }
}

/** Writes until not a single octet fits. */
function fill(directory: string): void {
  for (let size = 1 << 20, count = 0; size >= 1; ) {
    try {
      writeFileSync(join(directory, `ballast${count}`), Buffer.alloc(size));
      count += 1;
    } catch {
      size >>= 2;
    }
  }
}

const freeOctets = (directory: string): number =>
  Number(execFileSync('df', ['--output=avail', '-B1', directory], { encoding: 'utf8' }).trim().split('\n').at(-1));
