/**
 * What a client sends as data is never a command: literals in refused, unknown, faulty and over-long commands, before
 * and after login, in every state of the reader (RFC 9051 section 4.3, RFC 7888).
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/server/imap/commands/table.ts';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

/** Small limits, so that the tests often exceed them. */
const limits = { command: 2000, literal: 300, message: 600, badCommands: 1_000_000, failedLogins: 1_000_000 };

let house: House;
beforeAll(async () => {
  house = await openHouse({ limits });
  await house.deliver(MESSAGE);
});
afterAll(() => house.close());

type State = 'before login' | 'logged in' | 'with a mailbox selected';

async function enter(state: State): Promise<ImapClient> {
  const client = state === 'before login' ? await house.connect() : await house.login();
  if (state === 'before login') await client.line();
  if (state === 'with a mailbox selected') await client.ok('SELECT INBOX');
  return client;
}

/** The tags of the tagged responses up to the response to `last`. */
async function answered(client: ImapClient, last: string): Promise<string[]> {
  const all = await client.until(new RegExp(`(^|\\r\\n)${last} [^\\r\\n]*\\r\\n`));
  return all.split('\r\n').flatMap((line) => /^(\S+) (?:OK|NO|BAD)/.exec(line)?.[1] ?? []);
}

const DATA = 'x NOOP\r\n';

test.each<readonly [string, State, string, RegExp]>([
  [
    'a second literal after the message of APPEND',
    'logged in',
    `m APPEND INBOX {5+}\r\nhello {8+}\r\n${DATA}`,
    /^m BAD/m,
  ],
  ['a third literal after it', 'logged in', `m APPEND INBOX {5+}\r\nhello {8+}\r\n${DATA} {8+}\r\n${DATA}`, /^m BAD/m],
  ['a second literal after an empty message', 'logged in', `m APPEND INBOX {0+}\r\n {8+}\r\n${DATA}`, /^m NO/m],
  [
    'a second literal after the message for a mailbox that is not there',
    'logged in',
    `m APPEND No {8+}\r\n${DATA} {8+}\r\n${DATA}`,
    /^m NO \[TRYCREATE\]/m,
  ],
  ['an APPEND with a faulty flag', 'logged in', `m APPEND INBOX (\\Foo) {8+}\r\n${DATA}`, /^m BAD/m],
  [
    'an APPEND with a faulty date and two literals',
    'logged in',
    `m APPEND INBOX "foo" {8+}\r\n${DATA} {8+}\r\n${DATA}`,
    /^m BAD/m,
  ],
  [
    'an APPEND whose message is too large',
    'logged in',
    `m APPEND INBOX {800+}\r\n${DATA.repeat(100)}`,
    /^m NO \[TOOBIG\]/m,
  ],
  ['a literal8 of APPEND', 'logged in', `m APPEND INBOX ~{8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal8 elsewhere', 'logged in', `m SELECT ~{8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal that is too large', 'logged in', `m SELECT {800+}\r\n${DATA.repeat(100)}`, /^m BAD \[TOOBIG\]/m],
  [
    'a literal behind one that is too large',
    'logged in',
    `m SELECT {800+}\r\n${DATA.repeat(100)} {8+}\r\n${DATA}`,
    /^m BAD \[TOOBIG\]/m,
  ],
  ['literals instead of numbers', 'logged in', `m SELECT${` {8+}\r\n${DATA}`.repeat(200)}`, /^m BAD/m],
  ['empty literals instead of numbers', 'logged in', `m SELECT${' {0+}\r\n'.repeat(500)}`, /^m BAD/m],
  ['a size with leading zeros', 'logged in', `m SELECT {${'0'.repeat(60)}8+}\r\n${DATA}`, /^m (NO|BAD)/m],
  ['a literal of an unknown command', 'logged in', `m FOO {8+}\r\n${DATA} {8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal after a command name without a space', 'logged in', `m NOOP{8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal after a tag without a space', 'logged in', `m{8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal without a command', 'logged in', `{8+}\r\n${DATA}`, /^\* BAD/m],
  ['a literal of a command that takes none', 'logged in', `m NOOP {8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal inside an unterminated quoted string', 'logged in', `m SELECT "a{8+}\r\n${DATA}`, /^m BAD/m],
  [
    'a literal at the end of a line that is too long',
    'logged in',
    `m SEARCH ${'x'.repeat(3000)} {8+}\r\n${DATA}`,
    /^m BAD/m,
  ],
  [
    'a literal after one, at the end of a line that is too long',
    'logged in',
    `m CREATE {1+}\r\nx ${'x'.repeat(3000)} {8+}\r\n${DATA}`,
    /^m BAD/m,
  ],
  [
    'a literal after the message, on a line that is too long',
    'logged in',
    `m APPEND INBOX {1+}\r\nx ${'x'.repeat(3000)} {8+}\r\n${DATA}`,
    /^m BAD/m,
  ],
  ['a literal in IDLE', 'logged in', `m IDLE\r\nfoo {8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal after DONE', 'logged in', `m IDLE\r\nDONE {8+}\r\n${DATA}`, /^m BAD/m],
  [
    'a literal of LOGIN that is too large',
    'before login',
    `m LOGIN a {800+}\r\n${DATA.repeat(100)}`,
    /^m BAD \[TOOBIG\]/m,
  ],
  ['a literal of a command that needs a login', 'before login', `m SELECT {8+}\r\n${DATA} {8+}\r\n${DATA}`, /^m BAD/m],
  ['the message of an APPEND', 'before login', `m APPEND INBOX {8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal for an initial response', 'before login', `m AUTHENTICATE PLAIN {8+}\r\n${DATA}`, /^m BAD/m],
  ['a literal for a response', 'before login', `m AUTHENTICATE PLAIN\r\nfoo {8+}\r\n${DATA}`, /^m BAD/m],
])('%s, %s, is never run as a command', async (_name, state, text, answer) => {
  const client = await enter(state);
  client.send(`${text}\r\nz CAPABILITY\r\n`);
  const all = await client.until(/(^|\r\n)z OK[^\r\n]*\r\n/);
  expect(all).toMatch(answer);
  expect(all).not.toMatch(/^x /m);
  expect(all.match(/^(\S+ (NO|BAD)|z OK)/gm)).toHaveLength(2);
  client.destroy();
});

test('a rejected synchronizing literal is not read: the next line is the next command', async () => {
  const client = await enter('logged in');
  for (const text of [
    'FOO {8}',
    'SELECT {800}',
    'APPEND No {8}',
    'APPEND INBOX (\\Foo) {8}',
    'APPEND INBOX {800}',
    `SEARCH ${'x'.repeat(3000)} {8}`,
  ])
    expect((await client.command(text)).completion).toMatch(/^(NO|BAD)/);
  await client.ok('NOOP');
  client.destroy();
});

test.each([
  ['a literal', 'm SELECT {100000000+}'],
  ['a message', 'm APPEND INBOX {100000000+}'],
  ['a literal of an unknown command', 'm FOO {99999999999999999999+}'],
  ['many literals', `m FOO${` {20000000+}\r\n${'x'.repeat(10)}`}`],
])('%s that is too large to skip ends the session after the response', async (name, text) => {
  const client = await enter('logged in');
  if (name === 'many literals') {
    client.send('m FOO');
    for (let i = 0; i < 4; i += 1) client.send(` {20000000+}\r\n${'x NOOP\r\n'.repeat(2_500_000)}`);
    client.send('\r\n');
  } else client.send(`${text}\r\nx NOOP\r\n`);
  const rest = await client.rest();
  expect(rest).toMatch(/^m (NO|BAD) [^\r\n]*\r\n\* BYE [^\r\n]*\r\n$/);
});

test.each([
  ['a set', `m UID FETCH ${'1,'.repeat(182_000)}1 (UID)`, 'm'],
  ['a string', `m SEARCH TEXT "${'x'.repeat(70_000)}"`, 'm'],
  ['a name', `m ${'x'.repeat(70_000)}`, 'm'],
  ['a tag', `${'m'.repeat(70_000)} NOOP`, '*'],
])('a line that is too long gets BAD with its tag, and the session goes on: %s', async (_name, text, tag) => {
  const client = await enter('with a mailbox selected');
  client.send(`${text}\r\nz NOOP\r\n`);
  const all = await client.until(/(^|\r\n)z OK[^\r\n]*\r\n/);
  expect(all).toMatch(/^(m|\*) BAD Command line is longer than 2000 octets\.\r\nz OK/);
  expect(all[0]).toBe(tag);
  client.destroy();
});

test('a line with no end within 1 MiB gets BAD with its tag, and the session ends', async () => {
  const client = await enter('with a mailbox selected');
  client.send(`m SEARCH TEXT "${'x'.repeat(3_000_000)}`);
  expect(await client.rest()).toMatch(/^m BAD [^\r\n]*\r\n\* BYE [^\r\n]*\r\n$/);
});

test('if storing a message fails halfway, the rest of the message is skipped', async () => {
  const broken = await openHouse({ limits: { message: 4_000_000 } });
  const real = broken.store.content.spool;
  Object.assign(broken.store.content, {
    spool: () => ({
      write: () => Promise.reject(new Error('the disk is gone')),
      finish: () => Promise.reject(new Error('the disk is gone')),
      discard: async () => {},
    }),
  });
  const client = await broken.login();
  client.send(`m APPEND INBOX {2000000+}\r\n${DATA.repeat(250_000)}\r\nz NOOP\r\n`);
  expect(await answered(client, 'z')).toEqual(['m', 'z']);
  Object.assign(broken.store.content, { spool: real });
  await broken.close();
});

test('a client that half-closes inside a literal gets its responses, and its data is not run as commands', async () => {
  const client = await enter('logged in');
  client.send(`a NOOP\r\nm FOO {80+}\r\n${DATA}`);
  client.end();
  const rest = await client.rest();
  expect(rest).toMatch(/^a OK/m);
  expect(rest).not.toMatch(/^x /m);
});

// These commands change the dialog itself; the table above covers them.
const names = [...COMMANDS.keys()].filter((name) => !['LOGOUT', 'IDLE', 'AUTHENTICATE', 'STARTTLS'].includes(name));
const word = fc.constantFrom(
  'INBOX',
  '1',
  '1:*',
  '(',
  ')',
  '"',
  '"a"',
  '(\\Seen)',
  '(\\Foo)',
  'FLAGS',
  'TEXT',
  'BODY[]',
  '&bad',
  'RETURN',
  '~',
  '{',
  '}',
  '{5',
  'x'.repeat(2500),
);
const data = fc
  .array(
    fc.constantFrom(
      'x NOOP\r\n',
      'x LOGOUT\r\n',
      'x SELECT {4+}\r\n',
      'x CREATE y\r\n',
      '\r\n',
      'x',
      ' ',
      '{9+}\r\n',
      '{9}\r\n',
      '\0',
      '\xff',
      'x'.repeat(400),
    ),
    {
      maxLength: 6,
    },
  )
  .map((pieces) => pieces.join(''));
const literal = fc.record({ data, sync: fc.boolean(), before: fc.constantFrom('', '~', '"', '000') });
const command = fc
  .record({
    name: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...names) },
      { weight: 2, arbitrary: fc.constantFrom('APPEND INBOX', 'APPEND No', 'LOGIN a') },
      { weight: 2, arbitrary: fc.constantFrom('FOO', '', 'UID', 'NOOP') },
    ),
    parts: fc.array(fc.oneof(word, literal), { maxLength: 6 }),
    separator: fc.constantFrom(' ', ' ', ''),
  })
  // Words joined without a space ("{5" and "}") can announce a literal that has no data.
  .filter(
    ({ parts, separator }) =>
      !/\{\d+\+?\}$/.test(parts.map((part) => (typeof part === 'string' ? part : ' ')).join(separator)),
  );

/**
 * Sends one command correctly: the data of a synchronizing literal is sent once the server asks for it. Returns what
 * the server sent meanwhile.
 */
async function sendCommand(
  client: ImapClient,
  tag: string,
  { name, parts, separator }: typeof command extends fc.Arbitrary<infer T> ? T : never,
): Promise<string> {
  let text = `${tag} ${name}`;
  let answers = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      text += separator + part;
      continue;
    }
    const zeros = part.before === '000' ? '000' : '';
    text += `${separator}${zeros === '' ? part.before : ''}{${zeros}${part.data.length}${part.sync ? '' : '+'}}\r\n`;
    if (part.sync) {
      client.send(text);
      const answer = await client.until(new RegExp(`(^|\\r\\n)(\\+ OK|${tag} [^\\r\\n]*)\\r\\n`));
      answers += answer;
      if (!/(^|\r\n)\+ OK\r\n$/.test(answer)) return answers;
      text = '';
    }
    text += part.data;
  }
  client.send(`${text}\r\n`);
  return answers;
}

test.each<State>(['before login', 'logged in', 'with a mailbox selected'])(
  'whatever literals contain, %s, exactly the tags of the commands are answered',
  async (state) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 8 }), async (commands) => {
        const client = await enter(state);
        let text = '';
        for (const [n, one] of commands.entries()) text += await sendCommand(client, `t${n}`, one);
        client.send('z NOOP\r\n');
        text += await client.until(/(^|\r\n)z OK[^\r\n]*\r\n/);
        const tags = text.split('\r\n').flatMap((line) => /^(\S+) (?:OK|NO|BAD) /.exec(line)?.[1] ?? []);
        expect(tags.filter((tag) => tag !== '*')).toEqual([...commands.keys()].map((n) => `t${n}`).concat('z'));
        expect(text).not.toContain('SERVERBUG');
        client.destroy();
      }),
      { numRuns: 150 },
    );
  },
);
