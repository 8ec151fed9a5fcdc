/** GETMETADATA and SETMETADATA over a socket: the annotations of the server, and forwarding by its user. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, openHouse } from './house.ts';

const FORWARD = '/private/vendor/posthorn/forward';

describe('P12: METADATA-SERVER (RFC 5464)', () => {
  let house: House;
  let client: ImapClient;
  beforeAll(async () => {
    house = await openHouse();
    client = await house.login();
  });
  afterAll(() => house.close());
  const completion = async (text: string): Promise<string> => (await client.command(text)).completion;
  const stored = async (): Promise<unknown> => (await house.store.directory.get(house.account.id))?.forwarding;

  test('P12: is announced after login only', async () => {
    const stranger = await house.connect();
    expect(await stranger.line()).not.toContain('METADATA');
    expect((await stranger.command(`GETMETADATA "" ${FORWARD}`)).completion).toMatch(/^BAD /);
    expect(await client.ok('CAPABILITY')).toMatch(/ METADATA-SERVER[ \r]/);
  });

  test('P12: the user sets, sees and ends forwarding, as a line of a forwarding file; the log says so', async () => {
    expect(await client.ok(`GETMETADATA "" ${FORWARD}`)).toBe(`* METADATA "" (${FORWARD} NIL)\r\n`);
    expect(await client.ok(`SETMETADATA "" (${FORWARD} "\\\\maomao, X@Elsewhere.example xixi")`)).toBe('');
    expect(await stored()).toEqual({ targets: ['X@elsewhere.example', 'xixi@baidu.com'], keep: true });
    const value = '"\\\\maomao@baidu.com, X@elsewhere.example, xixi@baidu.com"';
    expect(await client.ok(`GETMETADATA "" (${FORWARD})`)).toBe(`* METADATA "" (${FORWARD} ${value})\r\n`);
    expect(house.log.lines.at(-1)).toBe('Forwarding set to \\maomao@baidu.com, X@elsewhere.example, xixi@baidu.com');
    // What was shown can be set.
    await client.ok(`SETMETADATA "" (${FORWARD} ${value})`);
    expect(await stored()).toEqual({ targets: ['X@elsewhere.example', 'xixi@baidu.com'], keep: true });
    await client.ok(`SETMETADATA "" (${FORWARD} {19+}\r\nx@elsewhere.example)`);
    expect(await stored()).toEqual({ targets: ['x@elsewhere.example'], keep: false });
    await client.ok(`SETMETADATA "" (${FORWARD} NIL)`);
    expect(await stored()).toBeNull();
    expect(house.log.lines.at(-1)).toBe('Forwarding ended');
    expect(await client.ok('NOOP')).toBe('');
  });

  test.each([
    ['"|/bin/cat"', 'mail can be forwarded to addresses only'],
    ['"/var/mail/x"', 'mail can be forwarded to addresses only'],
    ['":include:/etc/passwd"', 'mail can be forwarded to addresses only'],
    ['"@elsewhere.example"', 'is a whole domain'],
    ['"no@such..example"', 'a label is empty'],
    ['"maomao"', 'there is nobody to forward to but maomao@baidu.com itself'],
    ['""', 'there is nobody to forward to'],
    ['"\\\\xixi"', 'a backslash means the mailbox of maomao@baidu.com itself'],
    [
      `"${Array.from({ length: 51 }, (_, i) => `a${i}@b.example`).join()}"`,
      '51 addresses to forward to; there may be 50',
    ],
  ])('P12: %s is no forwarding', async (value, why) => {
    const answer = await completion(`SETMETADATA "" (${FORWARD} ${value})`);
    expect(answer).toMatch(/^NO /);
    expect(answer).toContain(why);
    expect(await stored()).toBeNull();
  });

  test('P12: a value that is too long is refused with the size that is allowed', async () => {
    const long = `x@${'y'.repeat(2100)}`;
    expect(await completion(`SETMETADATA "" (${FORWARD} {${long.length}+}\r\n${long})`)).toMatch(
      /^NO \[METADATA MAXSIZE 2048\] /,
    );
    expect(await completion(`SETMETADATA "" (${FORWARD} {99999999+}\r\n`)).toMatch(/^BAD \[TOOBIG\] /);
  });

  test('the administrator\u2019s annotations are read; none of them, and no other one, can be set', async () => {
    client = await house.login();
    expect(await client.ok('GETMETADATA "" (/shared/comment /shared/admin /Private/None)')).toBe(
      '* METADATA "" (/shared/comment "Mail of \\"Baidu\\"" /shared/admin NIL /private/none NIL)\r\n',
    );
    expect(await completion('SETMETADATA "" (/shared/comment "x")')).toMatch(/^NO Only the administrator/);
    expect(await completion(`SETMETADATA "" (${FORWARD} "x@y.example" /private/comment "x")`)).toMatch(
      /^NO No private annotation can be set here but/,
    );
    expect(await completion('SETMETADATA "" (/other "x")')).toMatch(/^BAD /);
    expect(await stored()).toBeNull();
  });

  test('DEPTH shows what is below an entry, and MAXSIZE leaves long values out', async () => {
    await client.ok(`SETMETADATA "" (${FORWARD} "x@elsewhere.example")`);
    const forward = `${FORWARD} "x@elsewhere.example"`;
    const comment = '/shared/comment "Mail of \\"Baidu\\""';
    expect(await client.ok('GETMETADATA (DEPTH infinity) "" (/shared /private)')).toBe(
      `* METADATA "" (${comment} ${forward})\r\n`,
    );
    expect(await client.ok('GETMETADATA (DEPTH 1) "" (/private/vendor)')).toBe('');
    expect(await client.ok('GETMETADATA (DEPTH 1) "" (/private/vendor/posthorn)')).toBe(
      `* METADATA "" (${forward})\r\n`,
    );
    const { untagged, completion: end } = await client.command(
      `GETMETADATA "" (MAXSIZE 15) (/shared/comment ${FORWARD})`,
    );
    expect(untagged).toBe(`* METADATA "" (${comment})\r\n`);
    expect(end).toMatch(/^OK \[METADATA LONGENTRIES 19\] /);
  });

  test('mailboxes have none', async () => {
    expect(await completion('GETMETADATA INBOX /shared/comment')).toMatch(/^NO Mailboxes have no annotations/);
    expect(await completion('SETMETADATA INBOX (/shared/comment "x")')).toMatch(/^NO Mailboxes/);
    expect(await completion('SETMETADATA INBOX (/private/comment "x")')).toMatch(/^NO \[METADATA NOPRIVATE\] /);
  });
});

test('P12: with imap_forwarding = no, users see what is set and cannot change it', async () => {
  const house = await openHouse({ annotations: { comment: null, admin: 'mailto:a@baidu.com', readForwarding: null } });
  try {
    await house.store.directory.update(house.account.id, { forwarding: { targets: ['x@y.example'], keep: false } });
    const client = await house.login();
    expect((await client.command(`SETMETADATA "" (${FORWARD} NIL)`)).completion).toMatch(/^NO \[NOPERM\] /);
    expect(await client.ok(`GETMETADATA "" (/shared/admin ${FORWARD})`)).toBe(
      `* METADATA "" (/shared/admin "mailto:a@baidu.com" ${FORWARD} "x@y.example")\r\n`,
    );
  } finally {
    await house.close();
  }
});
