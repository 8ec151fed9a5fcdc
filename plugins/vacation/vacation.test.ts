import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import { parseHeader } from '../../src/protocol/mime/header.ts';
import { momentOf } from './absence.ts';
import { reasonAgainst } from './courtesy.ts';
import { replyLetter } from './letter.ts';

let server: TestServer;
afterEach(() => server?.close());
const start = async (replies: object, more: object = {}): Promise<void> => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { vacation: { replies, ...more } },
    worker: false,
    mainCf: { alias_maps: 'inline:{team=user}' },
  });
};
const TEXT = 'I am away until Monday.';
const AWAY = { 'user@example.test': { text: TEXT } };
const header = (more: Record<string, string> = {}): Record<string, string> => ({
  From: 'a@example.org',
  To: 'user@example.test',
  Subject: 'lunch?',
  'Message-ID': '<1@example.org>',
  ...more,
});
const send = (from = 'a@example.org', more: Record<string, string> = {}, to = 'user@example.test'): Promise<string> =>
  server.send({ from, to, header: header(more) });
const replies = async (): Promise<readonly string[]> => (await server.queued()).map(({ recipient }) => recipient);

describe('G18: vacation', () => {
  it('answers each sender once in so many days', async () => {
    await start({ 'user@example.test': { text: TEXT, days: 2 } });
    for (const from of ['a@example.org', 'A@example.org', 'b@example.org']) expect(await send(from)).toMatch(/^250/);
    expect(await replies()).toEqual(['a@example.org', 'b@example.org']);
    expect(await server.messages('user@example.test')).toHaveLength(3);
    await server.clock.advance({ days: 1, hours: 23 });
    await send();
    expect(await replies()).toHaveLength(2);
    await server.clock.advance({ hours: 1 });
    await send();
    expect(await replies()).toHaveLength(3);
    expect(await server.metric('posthorn_plugin_vacation_messages_total', { result: 'answered' })).toBe(3);
  });

  it('writes a reply that programs know as one, and that nobody answers', async () => {
    await start({ 'user@example.test': { text: '我在度假。', subject: '假期', name: '毛毛' } });
    await server.send({
      from: 'user@example.test',
      to: 'user@example.test',
      user: 'user@example.test',
    });
    expect(await replies()).toEqual([]);
    await send('a@example.org', { References: '<0@example.org>' });
    const [waiting] = await server.queued();
    expect([waiting?.sender, waiting?.recipient]).toEqual(['', 'a@example.org']);
    expect(waiting?.text).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    expect(waiting?.text).toContain(
      'In-Reply-To: <1@example.org>\r\nReferences: <0@example.org>\r\n <1@example.org>\r\n',
    );
  });

  it('is only for the time of the absence, for whom it names, and not for junk', async () => {
    await start({ 'user@example.test': { text: TEXT, from: '2026-01-02', to: '2026-01-03' } });
    await send('a@example.org');
    await server.clock.advance({ days: 1 });
    await send('b@example.org');
    await server.clock.advance({ days: 3 });
    await send('c@example.org');
    expect(await replies()).toEqual(['b@example.org']);
  });

  it('answers mail for an alias where it is named, and blind copies not', async () => {
    await start({ 'user@example.test': { text: TEXT, addresses: ['team@example.test'] } });
    await send('a@example.org', { To: 'Team <team@example.test>' }, 'team@example.test');
    await send('b@example.org', { To: 'somebody@example.org' });
    await send('c@example.org', { To: 'undisclosed:;', Cc: 'them: x@example.org, User <USER@example.test>;' });
    expect(await replies()).toEqual(['a@example.org', 'c@example.org']);
  });

  it('stops at a number of replies an hour, and says so', async () => {
    await start(AWAY, { most_an_hour: 2 });
    for (const name of ['a', 'b', 'c']) await send(`${name}@example.org`);
    expect(await replies()).toHaveLength(2);
    expect((await server.logged(/more than 2/)).msg).toBe(
      'user@example.test: more than 2 replies in an hour: none to <c@example.org>',
    );
  });

  it('a wrong day, and an account that is none, are told with their place', async () => {
    await expect(start({ 'user@example.test': { text: TEXT, from: 'tomorrow' } })).rejects.toThrow(
      /vacation\.json:\d+: .*from.*expected a day such as "2026-12-24"/,
    );
    await expect(start({ user: { text: TEXT } })).rejects.toThrow(/replies: user: expected an address/);
    await expect(start({ 'user@example.test': { text: TEXT, from: '2026-02-02', to: '2026-02-01' } })).rejects.toThrow(
      /from 2026-02-02 is behind to 2026-02-01/,
    );
  });
});

it.each([
  ['', {}, 'no sender'],
  ['MAILER-DAEMON@example.org', {}, 'a program'],
  ['owner-list@example.org', {}, 'a program'],
  ['list-request@example.org', {}, 'a program'],
  ['list-bounces+user=example.test@example.org', {}, 'a program'],
  ['noreply@example.org', {}, 'a program'],
  ['user@example.test', {}, 'their own mail'],
  ['a@example.org', { 'Auto-Submitted': 'auto-generated' }, 'automatic mail'],
  ['a@example.org', { 'Auto-Submitted': 'no' }, null],
  ['a@example.org', { 'X-Auto-Response-Suppress': 'DR, OOF' }, 'automatic mail'],
  ['a@example.org', { Precedence: 'bulk' }, 'bulk mail'],
  ['a@example.org', { 'List-Id': '<x.example.org>' }, 'bulk mail'],
  ['a@example.org', { 'X-Spam-Flag': 'YES' }, 'bulk mail'],
  ['a@example.org', { 'X-Spam-Flag': 'NO' }, null],
  ['a@example.org', { To: 'b@example.org' }, 'not addressed to them'],
  ['a@example.org', {}, null],
])('from %s with %j: %s', (sender, more: Record<string, string>, reason) => {
  const text = Object.entries(header(more)).map(([name, value]) => `${name}: ${value}\r\n`);
  expect(reasonAgainst(sender, parseHeader(Buffer.from(`${text.join('')}\r\n`)), new Set(['user@example.test']))).toBe(
    reason,
  );
});

it('the reply names what it answers, in any language', () => {
  const answered = parseHeader(
    Buffer.from('Subject: =?UTF-8?B?5Y2I6aWt?=\r\nMessage-ID: <2@x>\r\nReferences: <0@x>\r\n <1@x>\r\n\r\n'),
  );
  const about = { sender: 'a@x.example', from: 'user@example.test', answered };
  const { from, to, message } = replyLetter({ ...about, name: '毛毛', subject: '', text: '在度假\n明天回来' });
  const written = parseHeader(Buffer.from(message));
  expect([from, to]).toEqual(['', ['a@x.example']]);
  expect(decodeWords(written.get('Subject') ?? '')).toBe('Auto: 午饭');
  expect(decodeWords(written.get('From') ?? '')).toBe('毛毛 <user@example.test>');
  expect(written.get('In-Reply-To')).toBe('<2@x>');
  expect(written.get('References')).toBe('<0@x> <1@x> <2@x>');
  expect(written.get('Auto-Submitted')).toBe('auto-replied');
  const body = String(message).split('\r\n\r\n')[1] ?? '';
  expect(Buffer.from(body, 'base64').toString()).toBe('在度假\r\n明天回来\r\n');
  const plain = replyLetter({ ...about, name: 'A "B"', subject: 'Away', text: 'Back\r\nsoon\r\n' }).message;
  expect(String(plain)).toContain('From: "A \\"B\\"" <user@example.test>\r\n');
  expect(String(plain)).toMatch(/Content-Transfer-Encoding: 7bit\r\n\r\nBack\r\nsoon\r\n$/);
});

it('a day lasts until its end', () => {
  expect(momentOf('2026-12-24', 'to') - momentOf('2026-12-24', 'from')).toBe(86_399_999);
  expect(momentOf('2026-12-24T18:00Z', 'from')).toBe(Date.UTC(2026, 11, 24, 18));
  expect(() => momentOf('2026-13-01', 'from')).toThrow('there is no such day');
});
