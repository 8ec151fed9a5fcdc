import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { type FakeDaemon, fakeDaemon, flood } from '../../test/kit/fake-daemon.ts';
import { readAnswer } from './answer.ts';
import { checkv2 } from './checkv2.ts';

const QUEUED = /^250 2\.0\.0 Ok/;
const letter = { from: 'a@example.org', to: 'user@example.test' };

const httpOf = (body: string, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** A request that is complete: its fields by name in lower case, and the message. */
function asked(heard: Buffer): { line: string; fields: Map<string, string>; message: string } | null {
  const end = heard.indexOf('\r\n\r\n');
  const [line = '', ...lines] = heard.toString('utf8', 0, Math.max(0, end)).split('\r\n');
  const fields = new Map<string, string>();
  for (const one of lines) {
    const name = one.slice(0, one.indexOf(':')).toLowerCase();
    const value = one.slice(one.indexOf(':') + 2);
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
  }
  if (end < 0 || heard.length < end + 4 + Number(fields.get('content-length'))) return null;
  return { line, fields, message: heard.toString('utf8', end + 4) };
}

let server: TestServer;
let rspamd: FakeDaemon;
/** What the next messages are answered with. */
let answer: object;
let before: Record<string, number>;
afterEach(async () => {
  await server?.close();
  await rspamd?.[Symbol.asyncDispose]();
});

const total = async (result: string): Promise<number> =>
  (await server.metric('posthorn_plugin_rspamd_messages_total', { result })) ?? 0;
/** Counters are of the process: what one test has counted. */
const counted = async (result: string): Promise<number> => (await total(result)) - (before[result] ?? 0);
const settings = (config: object): { rspamd: object } => ({
  rspamd: { url: `http://127.0.0.1:${rspamd.port}`, ...config },
});

async function start(config: object = {}): Promise<void> {
  answer = { action: 'no action', score: 0.5, required_score: 15 };
  rspamd = await fakeDaemon((heard, socket) => {
    if (asked(heard) !== null) socket.end(httpOf(JSON.stringify(answer)));
  });
  server = await startTestServer({ plugins: [import.meta.dirname], config: settings(config), worker: false });
  before = {};
  for (const result of ['reject', 'add header', 'failed', 'skipped', 'too_big']) before[result] = await total(result);
}

describe('rspamd', () => {
  it('is told the envelope, and gets the message as it is', async () => {
    await start({ password: 'q1', skip: [] });
    await server.send({ ...letter, to: ['user@example.test', 'postmaster@example.test'] });
    const own = { from: 'user@example.test', user: 'user@example.test', ip: '192.0.2.1' };
    await server.send({ ...letter, ...own, helo: 'pc.example' });
    const [first, second] = rspamd.heard.map(asked);
    expect(first?.line).toBe('POST /checkv2 HTTP/1.1');
    expect(Object.fromEntries(first?.fields ?? [])).toMatchObject({
      ...{ ip: '203.0.113.9', helo: 'client.example.org', from: 'a@example.org', password: 'q1' },
      rcpt: 'user@example.test, postmaster@example.test',
      'mta-name': 'mail.example.test',
      'queue-id': expect.stringMatching(/^\w+$/),
    });
    expect(first?.fields.has('user')).toBe(false);
    expect(first?.message).toMatch(/^From: <a@example\.org>\r\n[\s\S]*\r\n\r\nHello\.\r\n$/);
    expect([second?.fields.get('user'), second?.fields.get('helo')]).toEqual(['user@example.test', 'pc.example']);
  });

  it.each([
    [{ action: 'reject', score: 20, messages: { smtp_message: 'Go\r\naway' } }, '554 5.7.1 Go away'],
    [{ action: 'reject', score: 20 }, '554 5.7.1 Spam message rejected'],
    [{ action: 'soft reject', score: 8 }, '451 4.7.1 Try again later'],
    [{ action: 'soft reject', score: 8, messages: { smtp_message: 'Greylisted' } }, '451 4.7.1 Greylisted'],
  ])('%j refuses', async (given, reply) => {
    await start();
    answer = given;
    expect(await server.send(letter)).toBe(reply);
  });

  it('files what it calls spam, with the fields that rspamd adds in place of those that came with it', async () => {
    await start();
    answer = {
      ...{ action: 'add header', score: 7.123, required_score: 15 },
      milter: {
        remove_headers: { 'Authentication-Results': 1, 'no name': 0 },
        add_headers: {
          'X-Spamd-Bar': { value: '+++++++', order: -1 },
          'Authentication-Results': { value: 'mail.example.test;\r\n\tspf=pass', order: 0 },
          'X-List': ['a', { value: 'b' }],
          'X-Bad': 'a\r\nX-Evil: yes',
          'bad name': 'x',
          'X-None': 7,
        },
      },
    };
    const header = { Subject: 'x', 'X-Spam': 'No', 'X-Spamd-Bar': '--', 'Authentication-Results': 'forged' };
    expect(await server.send({ ...letter, header })).toMatch(QUEUED);
    const [message] = await server.messages('user@example.test', 'Junk');
    const all = (name: string): readonly string[] | undefined => message?.header.all(name);
    expect(message?.flags).toContain('$Junk');
    expect(['X-Spam', 'X-Spamd-Bar', 'X-List', 'X-Evil', 'X-Bad', 'X-None'].map(all)).toEqual([
      ['Yes'],
      ['+++++++'],
      ['a', 'b'],
      ...[[], [], []],
    ]);
    expect(all('Authentication-Results')).toEqual(['mail.example.test;\tspf=pass']);
    expect((await server.logged(/add header/)).msg).toMatch(/^\w+: add header, score 7\.12 of 15: accept$/);
    expect(await counted('add header')).toBe(1);
  });

  it('rewrites a subject, holds and discards; greylist alone and unknown actions change nothing', async () => {
    await start({ spam: 'tag', reject: false });
    const send = async (given: object): Promise<void> => {
      answer = { score: 9, ...given };
      expect(await server.send(letter)).toMatch(QUEUED);
    };
    await send({ action: 'rewrite subject', subject: '[SPAM] Größe' });
    await send({ action: 'greylist' });
    await send({ action: 'of our own' });
    await send({ action: 'reject' });
    await send({ action: 'quarantine' });
    await send({ action: 'discard' });
    const messages = await server.messages('user@example.test');
    expect(messages.map(({ header }) => [header.get('Subject'), header.get('X-Spam')])).toEqual([
      ['[SPAM] Größe', 'Yes'],
      ['test', null],
      ['test', null],
      ['test', 'Yes'],
    ]);
    expect((await server.queued()).map(({ state }) => state)).toEqual(['hold']);
  });

  it('is not asked about users, trusted clients and long messages', async () => {
    await start({ max_size: 2000 });
    const own = { ...letter, from: 'user@example.test', user: 'user@example.test' };
    for (const one of [own, { ...letter, ip: '192.0.2.1' }, { ...letter, text: 'long\n'.repeat(1000) }])
      expect(await server.send(one)).toMatch(QUEUED);
    expect([await counted('skipped'), await counted('too_big'), rspamd.heard.length]).toEqual([2, 1, 0]);
  });

  it('without it mail is accepted, or waits where that is wanted', async () => {
    await start();
    await rspamd[Symbol.asyncDispose]();
    expect(await server.send(letter)).toMatch(QUEUED);
    expect((await server.logged(/unchecked/)).msg).toMatch(
      /^\w+: rspamd: .*ECONNREFUSED.*: message accepted unchecked$/,
    );
    await server.reload(settings({ on_failure: 'defer' }));
    expect(await server.send(letter)).toBe('451 4.7.1 Error: message cannot be checked now, try again later');
    expect(await counted('failed')).toBe(2);
  });
});

describe('whatever answers in place of rspamd', () => {
  async function* pieces() {
    for (let n = 0; n < 50; n += 1) yield Buffer.alloc(10_000, 'x');
  }
  const content = { [Symbol.asyncIterator]: () => pieces() };
  const HEAD = 'HTTP/1.1 200 OK\r\n';
  it.each<readonly [string, Parameters<typeof fakeDaemon>[0], RegExp]>([
    ['never answers', () => {}, /^no answer within its "timeout"$/],
    [
      'answers without end',
      (_, socket) => {
        socket.write(`${HEAD}\r\n`);
        flood(socket, 'x'.repeat(10_000));
      },
      /^an answer of more than 1048576 octets$/,
    ],
    [
      'has fields without end',
      (_, socket) => {
        socket.write(HEAD);
        flood(socket, 'X-Y: z\r\n'.repeat(1000));
      },
      /Header overflow|Parse Error/,
    ],
    ['closes at once', (_, socket) => socket.end(), /^socket hang up|EPIPE|ECONNRESET/],
    ['is cut off', (_, socket) => socket.end(`${HEAD}Content-Length: 50\r\n\r\n{"action":`), /^aborted$/],
    ['answers no JSON', (_, socket) => socket.end(httpOf('{"action":')), /^answered what is no JSON$/],
    [
      'wants a password',
      (_, socket) => socket.end(httpOf('{"error":"x"}', '401 Unauthorized')),
      /^answered with HTTP status 401$/,
    ],
    [
      'redirects',
      (_, socket) => socket.end(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`),
      /^answered with HTTP status 302$/,
    ],
    ['speaks something else', (_, socket) => socket.end('SPAMD/1.1 0 EX_OK\r\n\r\n'), /^Parse Error/],
  ])('%s: there is no judgement', async (_name, reply, fault) => {
    const begun = new WeakSet<object>();
    await using daemon = await fakeDaemon((heard, socket) => {
      // Once: what comes later is only the rest of the question.
      if (begun.has(socket)) return;
      begun.add(socket);
      reply(heard, socket);
    });
    const url = new URL(`http://127.0.0.1:${daemon.port}/checkv2`);
    await expect(checkv2({ url, fields: {}, content, timeout: 0.5 })).rejects.toThrow(fault);
  });

  it.each([null, [], 7, 'x', {}, { action: 'reject' }, { action: 7, score: 1 }])('%j is no answer', (given) => {
    expect(() => readAnswer(given)).toThrow(/^answered without an action and a score/);
  });

  it('a huge answer is cut to what a message may get', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`X-${n}`, Array(200).fill('v')]));
    const milter = { add_headers: many, remove_headers: many };
    const read = readAnswer({
      action: 'reject',
      score: 1e300,
      messages: { smtp_message: 'x'.repeat(100_000) },
      milter,
    });
    expect([read.added.length, read.removed.length, read.text?.length]).toEqual([50, 50, 1000]);
    expect(readAnswer({ action: 'x', score: 1, milter: { add_headers: { A: 'v'.repeat(10_001) } } }).added).toEqual([]);
  });
});
