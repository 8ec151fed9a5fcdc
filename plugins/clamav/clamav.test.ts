import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { type FakeDaemon, fakeDaemon, flood } from '../../test/kit/fake-daemon.ts';
import { scan } from './clamd.ts';

const QUEUED = /^250 2\.0\.0 Ok/;
const UNAVAILABLE = '451 4.7.1 Error: message cannot be checked now, try again later';
const letter = { from: 'a@example.org', to: 'user@example.test' };
const BAD = { ...letter, text: 'this is a VIRUS' };
const END = Buffer.alloc(4);

/** The message in INSTREAM's pieces; null before its end. */
function streamed(heard: Buffer): string | null {
  expect(heard.subarray(0, 10).toString()).toBe('zINSTREAM\0');
  const pieces: Buffer[] = [];
  for (let at = 10; at + 4 <= heard.length; ) {
    const length = heard.readUInt32BE(at);
    if (length === 0) return Buffer.concat(pieces).toString();
    pieces.push(heard.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return null;
}

let server: TestServer;
let clamd: FakeDaemon;
let before: Record<string, number>;
afterEach(async () => {
  await server?.close();
  await clamd?.[Symbol.asyncDispose]();
});

async function start(config: object = {}): Promise<void> {
  clamd = await fakeDaemon((heard, socket) => {
    const message = streamed(heard);
    if (message !== null) socket.end(message.includes('VIRUS') ? 'stream: Bad.Thing FOUND\0' : 'stream: OK\0');
  });
  await startWith(clamd.place, config);
}
async function startWith(place: string, config: object = {}): Promise<void> {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { clamav: { clamd: place, ...config } },
    worker: false,
  });
  before = {};
  for (const result of ['clean', 'infected', 'too_big', 'failed', 'skipped']) before[result] = await total(result);
}
const total = async (result: string): Promise<number> =>
  (await server.metric('posthorn_plugin_clamav_messages_total', { result })) ?? 0;
/** Counters are of the process: what one test has counted. */
const counted = async (result: string): Promise<number> => (await total(result)) - (before[result] ?? 0);

describe('clamav', () => {
  it('refuses what clamd finds, and marks what it has searched', async () => {
    await start();
    expect(await server.send(BAD)).toBe('554 5.7.1 Error: virus Bad.Thing found');
    const header = { Subject: 'x', 'X-Virus-Status': 'Clean, trust me', 'X-Virus-Scanned': 'by me' };
    expect(await server.send({ ...letter, header })).toMatch(QUEUED);
    const [message] = await server.messages('user@example.test');
    expect(message?.header.all('X-Virus-Status')).toEqual(['Clean']);
    expect(message?.header.get('X-Virus-Scanned')).toBeNull();
    expect(streamed(clamd.heard[1] ?? END)).toBe(
      'From: <a@example.org>\r\nTo: <user@example.test>\r\nSubject: x\r\n\r\nHello.\r\n',
    );
    expect([await counted('clean'), await counted('infected')]).toEqual([1, 1]);
    expect(await server.metric('posthorn_plugin_clamav_scan_seconds_count', { result: 'judged' })).toBe(2);
  });

  it('searches mail of users too, unless it is told not to', async () => {
    await start();
    const own = { ...BAD, from: 'user@example.test', user: 'user@example.test' };
    expect(await server.send(own)).toMatch(/^554/);
    expect(await server.send({ ...BAD, ip: '192.0.2.1' })).toMatch(/^554/);
    await server.reload({ clamav: { clamd: clamd.place, skip: ['users', 'mynetworks'], clients: ['203.0.113.0/24'] } });
    for (const one of [own, { ...BAD, ip: '192.0.2.1' }, BAD]) expect(await server.send(one)).toMatch(QUEUED);
    expect(await counted('skipped')).toBe(3);
  });

  it('tags, files or holds what clamd finds', async () => {
    await start({ action: 'tag' });
    const change = (action: string, more: object = {}): Promise<void> =>
      server.reload({ clamav: { clamd: clamd.place, action, ...more } });
    expect(await server.send(BAD)).toMatch(QUEUED);
    await change('quarantine', { mailbox: 'Viruses' });
    expect(await server.send(BAD)).toMatch(QUEUED);
    await change('hold');
    expect(await server.send(BAD)).toMatch(QUEUED);
    const [tagged] = await server.messages('user@example.test');
    const [filed] = await server.messages('user@example.test', 'Viruses');
    for (const one of [tagged, filed]) expect(one?.header.all('X-Virus-Status')).toEqual(['Infected (Bad.Thing)']);
    expect(filed?.flags).toContain('$Junk');
    expect((await server.queued()).map(({ state }) => state)).toEqual(['hold']);
  });

  it('what is too long is not searched, whoever says so', async () => {
    clamd = await fakeDaemon((heard, socket) => {
      expect(heard.readUInt32BE(10)).toBeGreaterThan(200_000);
      if (socket.writable) socket.end('INSTREAM size limit exceeded. ERROR\0');
    });
    await startWith(clamd.place, { max_size: 500_000 });
    expect(await server.send({ ...letter, text: 'x\n'.repeat(100_000) })).toMatch(QUEUED);
    expect((await server.logged(/StreamMaxLength/)).msg).toMatch(/^\w+: longer than clamd's StreamMaxLength, not/);
    expect(await server.send({ ...letter, text: 'x\n'.repeat(400_000) })).toMatch(QUEUED);
    expect([await counted('too_big'), clamd.heard.length]).toEqual([2, 1]);
    for (const { header } of await server.messages('user@example.test'))
      expect(header.get('X-Virus-Status')).toBeNull();
  });

  it('without clamd mail waits, or is accepted where that is wanted', async () => {
    clamd = await fakeDaemon(() => {});
    const { place } = clamd;
    await clamd[Symbol.asyncDispose]();
    await startWith(place);
    expect(await server.send(letter)).toBe(UNAVAILABLE);
    expect((await server.logged(/message deferred/)).msg).toMatch(
      /^\w+: clamd: connect ECONNREFUSED .*: message deferred$/,
    );
    await server.reload({ clamav: { clamd: place, on_failure: 'accept' } });
    expect(await server.send(letter)).toMatch(QUEUED);
    expect(await counted('failed')).toBe(2);
  });

  it('a place that is none is told', async () => {
    await expect(startWith('localhost:3310')).rejects.toThrow(/clamd: is "localhost:3310", expected a place such as/);
    await expect(startWith('inet:localhost:99999')).rejects.toThrow(/expected a port from 1 to 65535/);
  });
});

describe('whatever answers in place of clamd', () => {
  const content = {
    async *[Symbol.asyncIterator]() {
      for (let n = 0; n < 50; n += 1) yield Buffer.alloc(10_000, 'x');
    },
  };
  it.each<readonly [string, Parameters<typeof fakeDaemon>[0], RegExp]>([
    ['never answers', () => {}, /^no answer within its "timeout"$/],
    ['answers without end', (_, socket) => flood(socket, 'x'.repeat(10_000)), /^an answer of more than 4096 octets$/],
    ['closes at once', (_, socket) => socket.end(), /^closed the connection without an answer|EPIPE|ECONNRESET/],
    ['is cut off', (_, socket) => socket.end('stream: O'), /^closed the connection within its answer$/],
    ['speaks something else', (_, socket) => socket.end('HTTP/1.1 400\r\n\0'), /^answered "HTTP\/1\.1 400\?\?"$/],
    [
      'fails',
      (_, socket) => socket.end("INSTREAM: Can't write. ERROR\0"),
      /^answered "INSTREAM: Can't write\. ERROR"$/,
    ],
  ])('%s: there is no judgement', async (_name, answer, fault) => {
    await using daemon = await fakeDaemon(answer);
    await expect(scan({ host: '127.0.0.1', port: daemon.port }, content, 0.2)).rejects.toThrow(fault);
  });

  it('the name of a virus is shown without what is no text', async () => {
    await using daemon = await fakeDaemon((_, socket) => socket.end('stream: A\r\nB\xff FOUND\0'));
    expect(await scan({ host: '127.0.0.1', port: daemon.port }, content, 5)).toEqual({
      result: 'infected',
      virus: 'A??B??',
    });
  });

  it('a message that cannot be read is no judgement, and nothing is left open', async () => {
    await using daemon = await fakeDaemon(() => {});
    let readings = 0;
    const broken = {
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('x');
        readings += 1;
        if (readings === 2) throw new Error('the disk is gone');
      },
    };
    await expect(scan({ host: '127.0.0.1', port: daemon.port }, broken, 5)).rejects.toThrow('the disk is gone');
  });
});
