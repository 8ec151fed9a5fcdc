import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { type FakeDaemon, fakeDaemon, flood } from '../../test/kit/fake-daemon.ts';
import type { Message } from '../scanners/judging.ts';
import { fieldsAbove } from './above.ts';
import { judge } from './spamd.ts';

const QUEUED = /^250 2\.0\.0 Ok/;
const letter = { from: 'a@example.org', to: 'user@example.test' };
const SPAM = { ...letter, text: 'BUY\nthis' };

/** An answer of spamd to HEADERS. */
const answerOf = (spam: string, header: string): string =>
  `SPAMD/1.1 0 EX_OK\r\nContent-length: ${Buffer.byteLength(header)}\r\nSpam: ${spam}\r\n\r\n${header}`;
const SPAM_ANSWER = answerOf(
  'True ; 12.5 / 5.0',
  'Received: from a\nX-Spam-Checker-Version: SpamAssassin 4.0.1\nX-Spam-Flag: YES\nX-Spam-Level: ************\n' +
    'X-Spam-Status: Yes, score=12.5 required=5.0 tests=BUY,\n\tTHIS autolearn=no\nSubject: [SPAM] Größe\n\n',
);
const HAM_ANSWER = answerOf('False ; -0.1 / 5.0', 'X-Spam-Status: No, score=-0.1 required=5.0\nSubject: other\n\n');

/** What spamd was asked: its fields, and the message. */
function asked(heard: Buffer): { head: string; message: string } | null {
  const end = heard.indexOf('\r\n\r\n');
  const head = heard.toString('utf8', 0, Math.max(0, end));
  const length = Number(/^Content-length: (\d+)$/m.exec(head)?.[1] ?? Number.NaN);
  return heard.length === end + 4 + length ? { head, message: heard.toString('utf8', end + 4) } : null;
}

let server: TestServer;
let spamd: FakeDaemon;
let before: Record<string, number>;
afterEach(async () => {
  await server?.close();
  await spamd?.[Symbol.asyncDispose]();
});

const total = async (result: string): Promise<number> =>
  (await server.metric('posthorn_plugin_spamassassin_messages_total', { result })) ?? 0;
/** Counters are of the process: what one test has counted. */
const counted = async (result: string): Promise<number> => (await total(result)) - (before[result] ?? 0);
const settings = (config: object): { spamassassin: object } => ({ spamassassin: { spamd: spamd.place, ...config } });

async function start(config: object = {}): Promise<void> {
  spamd = await fakeDaemon((heard, socket) => {
    const question = asked(heard);
    if (question !== null) socket.end(question.message.includes('BUY') ? SPAM_ANSWER : HAM_ANSWER);
  });
  server = await startTestServer({ plugins: [import.meta.dirname], config: settings(config), worker: false });
  before = {};
  for (const result of ['ham', 'spam', 'rejected', 'failed', 'skipped', 'too_big'])
    before[result] = await total(result);
}

describe('spamassassin', () => {
  it('files spam into Junk, with the fields of SpamAssassin in place of those that came with it', async () => {
    await start();
    const header = { Subject: 'Größe', 'X-Spam-Status': 'No, trust me', 'X-Spam-Score': '-100' };
    expect(await server.send({ ...SPAM, header })).toMatch(QUEUED);
    expect(await server.send(letter)).toMatch(QUEUED);
    const [spam] = await server.messages('user@example.test', 'Junk');
    expect(spam?.flags).toContain('$Junk');
    expect(spam?.header.get('X-Spam-Flag')).toBe('YES');
    expect(spam?.header.all('X-Spam-Status')).toEqual(['Yes, score=12.5 required=5.0 tests=BUY,\tTHIS autolearn=no']);
    expect(spam?.header.get('X-Spam-Score')).toBeNull();
    expect(spam?.header.all('Subject')).toEqual(['[SPAM] Größe']);
    const [ham] = await server.messages('user@example.test');
    expect(ham?.header.get('X-Spam-Status')).toBe('No, score=-0.1 required=5.0');
    expect(ham?.header.get('X-Spam-Flag')).toBeNull();
    expect(ham?.header.get('Subject')).toBe('test');
    expect([await counted('spam'), await counted('ham')]).toEqual([1, 1]);
  });

  it('tells SpamAssassin who sent the message', async () => {
    await start();
    expect(await server.send(letter)).toMatch(QUEUED);
    const { head, message } = asked(spamd.heard.at(-1) ?? Buffer.alloc(0)) ?? { head: '', message: '' };
    expect(head).toMatch(/^HEADERS SPAMC\/1\.5\r\nContent-length: \d+$/);
    expect(message.split('\r\n').slice(0, 5)).toEqual([
      'X-Envelope-From: <a@example.org>',
      'Received: from client.example.org (unknown [203.0.113.9])',
      expect.stringMatching(/^\tby mail\.example\.test \(Posthorn\) with ESMTP id \w+;$/),
      '\tThu, 01 Jan 2026 12:00:00 +0000',
      'From: <a@example.org>',
    ]);
  });

  it('what a client says about itself adds no field and no other relay', () => {
    const connection = {
      ...{ helo: 'a) (mail.example.test [192.0.2.1]\r\nX: y', protocol: 'ESMTP', tls: {}, user: {} },
      remote: { name: 'unknown', ip: '2001:db8::1' },
      parameters: { string: (name: string) => (name === 'mail_name' ? 'Posthorn' : 'mail.example.test') },
    };
    const transaction = { reversePath: '"a>\r\n"@example.org', queueId: '4ABC' };
    expect(fieldsAbove({ connection, transaction } as unknown as Message, 0).split('\r\n')).toEqual([
      'X-Envelope-From: <"a???"@example.org>',
      'Received: from a???mail.example.test?[192.0.2.1]??X:?y (unknown [IPv6:2001:db8::1])',
      '\tby mail.example.test (Posthorn) with ESMTPSA id 4ABC;',
      '\tThu, 01 Jan 1970 00:00:00 +0000',
      '',
    ]);
  });

  it('names the user whose preferences apply', async () => {
    await start({ user: 'everybody', user_by_recipient: true });
    await server.send(letter);
    await server.send({ ...letter, to: ['user@example.test', 'postmaster@example.test'] });
    const users = spamd.heard.map((heard) => /^User: (.*)$/m.exec(asked(heard)?.head ?? '')?.[1]);
    expect(users).toEqual(['user@example.test', 'everybody']);
  });

  it('refuses or tags spam where that is wanted', async () => {
    await start({ action: 'reject' });
    expect(await server.send(SPAM)).toBe('554 5.7.1 Error: message looks like spam (score 12.5)');
    await server.reload(settings({ reject_score: 12 }));
    expect(await server.send(SPAM)).toMatch(/^554 5\.7\.1/);
    await server.reload(settings({ reject_score: 13, action: 'tag' }));
    expect(await server.send(SPAM)).toMatch(QUEUED);
    const [message] = await server.messages('user@example.test');
    expect(message?.header.get('X-Spam-Flag')).toBe('YES');
    expect(await counted('rejected')).toBe(2);
  });

  it('does not ask about users, trusted clients and long messages', async () => {
    await start({ max_size: 2000 });
    const own = { ...SPAM, from: 'user@example.test', user: 'user@example.test' };
    for (const one of [own, { ...SPAM, ip: '192.0.2.1' }, { ...SPAM, text: 'BUY\n'.repeat(1000) }])
      expect(await server.send(one)).toMatch(QUEUED);
    expect([await counted('skipped'), await counted('too_big'), spamd.heard.length]).toEqual([2, 1, 0]);
  });

  it('what a trusted filter has marked as spam goes into Junk too', async () => {
    await start();
    const header = { Subject: 'x', 'X-Spam-Flag': 'YES' };
    expect(await server.send({ ...letter, header, ip: '192.0.2.1' })).toMatch(QUEUED);
    expect(await server.send({ ...letter, header })).toMatch(QUEUED);
    const found = await Promise.all(['Junk', 'INBOX'].map((name) => server.messages('user@example.test', name)));
    expect(found.map((messages) => messages.map((one) => one.header.get('X-Spam-Flag')))).toEqual([['YES'], [null]]);
  });

  it('spam with a header above 1 MiB goes into Junk too', async () => {
    await start({ max_size: 2_000_000 });
    const long = Array.from({ length: 1_200 }, (_, n) => `X-Long-${n}: ${'x'.repeat(900)}`).join('\n');
    const message = `From: <a@example.org>\nX-Spam-Flag: NO\n${long}\n\nBUY\n`;
    expect(await server.send({ ...letter, message })).toMatch(QUEUED);
    const [spam] = await server.messages('user@example.test', 'Junk');
    expect(spam?.header.all('X-Spam-Flag')).toEqual(['YES']);
  });

  it('spam that cannot be marked is refused, and other mail comes through', async () => {
    await start();
    await spamd[Symbol.asyncDispose]();
    const broken = 'X-Spam-Status: a\0b\n\n';
    spamd = await fakeDaemon((heard, socket) => {
      const question = asked(heard);
      const isSpam = question?.message.includes('BUY') ? 'True ; 9 / 5' : 'False ; 1 / 5';
      if (question !== null) socket.end(answerOf(isSpam, broken));
    });
    await server.reload(settings({}));
    expect(await server.send(SPAM)).toBe('554 5.6.0 Error: message cannot be marked as what it is');
    expect(await server.send(letter)).toMatch(QUEUED);
    expect((await server.logged(/cannot be marked/)).msg).toMatch(/^\w+: cannot be marked: not a header field: a NUL/);
  });

  it('refuses a message with more fields of filters than it removes', async () => {
    await start();
    const fields = Array.from({ length: 31 }, (_, n) => `X-Spam-${n}: x\n`).join('');
    const message = `From: <a@example.org>\n${fields}\nhello\n`;
    expect(await server.send({ ...letter, message })).toBe('554 5.6.0 Error: too many header fields of filters');
  });

  it('without spamd mail is accepted, or waits where that is wanted', async () => {
    await start();
    await spamd[Symbol.asyncDispose]();
    expect(await server.send(SPAM)).toMatch(QUEUED);
    expect((await server.logged(/unchecked/)).msg).toMatch(
      /^\w+: spamd: connect ECONNREFUSED .*: message accepted unchecked$/,
    );
    await server.reload(settings({ on_failure: 'defer' }));
    expect(await server.send(SPAM)).toBe('451 4.7.1 Error: message cannot be checked now, try again later');
    expect(await counted('failed')).toBe(2);
  });
});

describe('whatever answers in place of spamd', () => {
  async function* content() {
    yield Buffer.from('Subject: x\r\n\r\n');
  }
  it.each<readonly [string, Parameters<typeof fakeDaemon>[0], RegExp]>([
    ['never answers', () => {}, /^no answer within its "timeout"$/],
    [
      'answers without end',
      (_, socket) => flood(socket, 'x'.repeat(10_000)),
      /^an answer of more than 1048576 octets$/,
    ],
    ['closes at once', (_, socket) => socket.end(), /^closed the connection without an answer$/],
    ['is cut off', (_, socket) => socket.end(HAM_ANSWER.slice(0, -5)), /^closed the connection within its answer$/],
    [
      'is cut off early',
      (_, socket) => socket.end('SPAMD/1.1 0 EX_OK\r\nSpam: Fal'),
      /^answered "SPAMD\/1\.1 0 EX_OK"$/,
    ],
    [
      'refuses',
      (_, socket) => socket.end('SPAMD/1.0 76 Bad header line: x\r\n'),
      /^answered "SPAMD\/1\.0 76 Bad header line: x"$/,
    ],
    [
      'gives no score',
      (_, socket) => socket.end(answerOf('True ; lots / 5.0', '')),
      /^answered "SPAMD.*" without a score$/,
    ],
    ['speaks something else', (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'), /^answered "HTTP\/1\.1 200 OK"$/],
  ])('%s: there is no judgement', async (_name, answer, fault) => {
    await using daemon = await fakeDaemon(answer);
    const endpoint = { host: '127.0.0.1', port: daemon.port };
    await expect(judge(endpoint, { above: '', content: content(), size: 14, user: null }, 0.3)).rejects.toThrow(fault);
  });
});
