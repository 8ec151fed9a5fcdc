/** FETCH, STORE, SEARCH, COPY, MOVE, EXPUNGE and APPEND over a socket. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

const NESTED =
  'Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n' +
  '--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n5L2g5aW9\r\n' +
  '--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nX-In: 1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n' +
  '--c\r\n\r\nplain text\r\n--c\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--c--\r\n' +
  '--b--\r\n';

describe('messages', () => {
  let house: House;
  let client: ImapClient;
  let box = 0;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());
  /** Each test gets its own mailbox with these messages. */
  const fill = async (...messages: string[]): Promise<string> => {
    box += 1;
    const name = `box${box}`;
    await client.ok(`CREATE ${name}`);
    for (const message of messages) await house.deliver(message, { mailbox: name });
    await client.ok(`SELECT ${name}`);
    return name;
  };
  beforeEach(async () => {
    client = await house.login();
  });

  describe('FETCH of sections', () => {
    test('many sections of one long message are sent in order, whatever memory they would take together', async () => {
      const long = `Subject: long\r\nX-Filler: ${'x'.repeat(300_000)}\r\n\r\n${'0123456789'.repeat(30_000)}`;
      await fill(long, 'Subject: short\r\n\r\nbody');
      const items = [
        'BODY.PEEK[]',
        'BODY.PEEK[TEXT]<5.3>',
        ...Array.from({ length: 8 }, (_, i) => `BODY.PEEK[]<${i * 10}.200000>`),
        'BODY.PEEK[HEADER.FIELDS (SUBJECT)]',
      ];
      const [one = '', two = ''] = (await client.ok(`FETCH 1:2 (UID ${items.join(' ')})`)).split('* 2 FETCH ');
      expect(
        one.startsWith(
          `* 1 FETCH (UID 1 BODY[] {${long.length}}\r\n${long} BODY[TEXT]<5> {3}\r\n567 BODY[]<0> {200000}\r\n`,
        ),
      ).toBe(true);
      expect(
        one.endsWith(`${long.slice(70, 200_070)} BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: long\r\n\r\n)\r\n`),
      ).toBe(true);
      expect(two).toContain(' BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: short\r\n\r\n)\r\n');
    });

    test.each([
      ['BODY.PEEK[]', NESTED],
      ['BODY.PEEK[HEADER]', NESTED.slice(0, NESTED.indexOf('preamble'))],
      ['BODY.PEEK[TEXT]', NESTED.slice(NESTED.indexOf('preamble'))],
      ['BODY.PEEK[1]', '5L2g5aW9'],
      ['BODY.PEEK[1.MIME]', 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n'],
      ['BODY.PEEK[2]', NESTED.slice(NESTED.indexOf('Subject: inner'), NESTED.indexOf('\r\n--b--'))],
      ['BODY.PEEK[2.HEADER]', 'Subject: inner\r\nX-In: 1\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n'],
      ['BODY.PEEK[2.HEADER.FIELDS (X-IN)]', 'X-In: 1\r\n\r\n'],
      ['BODY.PEEK[2.TEXT]', NESTED.slice(NESTED.indexOf('--c\r\n'), NESTED.indexOf('\r\n--b--'))],
      ['BODY.PEEK[2.1]', 'plain text'],
      ['BODY.PEEK[2.2]', '<b>html</b>'],
      ['BODY.PEEK[2.2.MIME]', 'Content-Type: text/html\r\n\r\n'],
      ['BODY.PEEK[HEADER.FIELDS (SUBJECT)]', 'Subject: outer\r\n\r\n'],
      ['BODY.PEEK[HEADER.FIELDS.NOT (CONTENT-TYPE)]', 'Subject: outer\r\nMIME-Version: 1.0\r\n\r\n'],
      ['RFC822.HEADER', NESTED.slice(0, NESTED.indexOf('preamble'))],
    ])('%s', async (item, octets) => {
      await fill(NESTED);
      const label = item.replace('.PEEK', '');
      expect(await client.ok(`FETCH 1 ${item}`)).toBe(`* 1 FETCH (${label} {${octets.length}}\r\n${octets})\r\n`);
      const partial = octets.slice(3, 7);
      if (item.startsWith('BODY'))
        expect(await client.ok(`FETCH 1 ${item}<3.4>`)).toBe(
          `* 1 FETCH (${label}<3> {${partial.length}}\r\n${partial})\r\n`,
        );
      if (item.startsWith('BODY'))
        expect(await client.ok(`FETCH 1 ${item}<100000.4>`)).toBe(`* 1 FETCH (${label}<100000> {0}\r\n)\r\n`);
    });

    test.each(['3', '1.1', '2.3', '1.HEADER', '2.1.TEXT'])(
      'BODY[%s], which the message does not have, is NIL',
      async (section) => {
        await fill(NESTED);
        expect(await client.ok(`FETCH 1 BODY.PEEK[${section}]`)).toBe(`* 1 FETCH (BODY[${section}] NIL)\r\n`);
      },
    );

    test('the trace lines of a delivery come first and count towards sizes', async () => {
      const name = await fill();
      await house.deliver(MESSAGE, { mailbox: name, prefix: 'Return-Path: <a@b>\r\n' });
      await client.ok('NOOP');
      const whole = `Return-Path: <a@b>\r\n${MESSAGE}`;
      expect(await client.ok('FETCH 1 (RFC822.SIZE BODY.PEEK[])')).toBe(
        `* 1 FETCH (RFC822.SIZE ${whole.length} BODY[] {${whole.length}}\r\n${whole})\r\n`,
      );
      expect(await client.ok('FETCH 1 BODY.PEEK[]<15.10>')).toBe(
        `* 1 FETCH (BODY[]<15> {10}\r\n${whole.slice(15, 25)})\r\n`,
      );
      expect(await client.ok('FETCH 1 BODY.PEEK[HEADER.FIELDS (RETURN-PATH)]')).toContain(
        'Return-Path: <a@b>\r\n\r\n)',
      );
      expect(await client.ok('SEARCH HEADER Return-Path a@b')).toBe('* SEARCH 1\r\n');
    });

    test('reading a body marks a message as seen; PEEK and EXAMINE do not', async () => {
      const name = await fill(MESSAGE, MESSAGE);
      expect(await client.ok('FETCH 1 BODY.PEEK[TEXT]')).not.toContain('FLAGS');
      expect(await client.ok('FETCH 1 BODY[TEXT]')).toBe(
        '* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {11}\r\nHello cat\r\n)\r\n',
      );
      expect(await client.ok('FETCH 1 BODY[TEXT]')).toBe('* 1 FETCH (BODY[TEXT] {11}\r\nHello cat\r\n)\r\n');
      await client.ok(`EXAMINE ${name}`);
      await client.ok('FETCH 2 BODY[TEXT]');
      expect(await client.ok('FETCH 1:2 FLAGS')).toBe('* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (FLAGS ())\r\n');
    });

    test('a long message is sent completely', async () => {
      const line = `${'x'.repeat(998)}\r\n`;
      const long = `Subject: long\r\n\r\n${line.repeat(3000)}`;
      const name = await fill();
      expect(await client.append(name, long)).toMatch(/^OK \[APPENDUID \d+ 1\] /);
      const told = await client.ok('FETCH 1 BODY[]');
      expect(told.includes(`BODY[] {${long.length}}\r\n${long})\r\n`)).toBe(true);
      expect(await client.ok(`FETCH 1 BODY.PEEK[]<${long.length - 5}.100>`)).toContain('{5}\r\nxxx\r\n)');
    });
  });

  describe('STORE', () => {
    test('adds, removes and sets flags, reports the result, and announces new keywords', async () => {
      await fill(MESSAGE, MESSAGE);
      expect(await client.ok('STORE 1 +FLAGS (\\Seen)')).toBe('* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n');
      expect(await client.ok('STORE 1:2 FLAGS ($Work)')).toBe(
        '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)\r\n' +
          '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)] Flags permitted.\r\n' +
          '* 1 FETCH (FLAGS ($Work \\Recent))\r\n* 2 FETCH (FLAGS ($Work \\Recent))\r\n',
      );
      expect(await client.ok('UID STORE 1 -FLAGS.SILENT $Work')).toBe('');
      expect(await client.ok('STORE 1 +FLAGS ()')).toBe('* 1 FETCH (FLAGS (\\Recent))\r\n');
      expect(await client.ok('FETCH 1:* FLAGS')).toBe(
        '* 1 FETCH (FLAGS (\\Recent))\r\n* 2 FETCH (FLAGS ($Work \\Recent))\r\n',
      );
    });

    test('UNCHANGEDSINCE skips changed messages and lists them', async () => {
      const name = await fill(MESSAGE, MESSAGE);
      await client.ok(`SELECT ${name} (CONDSTORE)`);
      const modseq = Number(/MODSEQ \((\d+)\)/.exec(await client.ok('FETCH 2 MODSEQ'))?.[1]);
      await client.ok('STORE 1 +FLAGS \\Flagged');
      const { untagged, completion } = await client.command(
        `STORE 1:2 (UNCHANGEDSINCE ${modseq}) +FLAGS.SILENT (\\Seen)`,
      );
      expect(untagged).toMatch(/^\* 2 FETCH \(UID 2 MODSEQ \(\d+\)\)\r\n$/);
      expect(completion).toMatch(/^OK \[MODIFIED 1\] /);
      expect(await client.ok(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${modseq + 1})`)).toMatch(
        /^\* 2 FETCH \(FLAGS \(\\Seen\) MODSEQ \(\d+\)\)\r\n$/,
      );
      expect(await client.ok(`SEARCH MODSEQ ${modseq + 2}`)).toMatch(/^\* SEARCH 2 \(MODSEQ \d+\)\r\n$/);
    });

    test('a keyword is removed regardless of case, and removing an unused keyword does not define it', async () => {
      await fill(MESSAGE);
      await client.ok('STORE 1 +FLAGS (Known Kept)');
      expect(await client.ok('STORE 1 -FLAGS (KNOWN Unheard)')).toBe('* 1 FETCH (FLAGS (Kept \\Recent))\r\n');
      expect((await client.ok('SELECT box1')) + (await client.ok(`EXAMINE box${box}`))).not.toContain('Unheard');
    });

    test('is refused in a mailbox opened with EXAMINE', async () => {
      const name = await fill(MESSAGE);
      await client.ok(`EXAMINE ${name}`);
      for (const command of ['STORE 1 +FLAGS \\Seen', 'EXPUNGE', `MOVE 1 INBOX`])
        expect((await client.command(command)).completion).toMatch(/^NO \[READ-ONLY\]/);
    });
  });

  describe('SEARCH', () => {
    const spam = MESSAGE.replace('Hello\r\n', '=?utf-8?B?5L2g5aW9?=\r\nX-Spam: Yes\r\nCc: lisi@qq.com\r\n')
      .replace('1 Jul 2025', '3 Jul 2025')
      .replace('cat', 'dog');
    test.each([
      ['ALL', '1 2 3'],
      ['2:*', '2 3'],
      ['UID 1,3', '1 3'],
      ['NOT 1', '2 3'],
      ['SUBJECT hello', '1'],
      ['SUBJECT {6+}\r\n\xe4\xbd\xa0\xe5\xa5\xbd', '2'],
      ['CHARSET UTF-8 SUBJECT "\xe5\xa5\xbd"', '2'],
      ['FROM ZHANG', '1 2'],
      ['CC lisi', '2'],
      ['HEADER X-Spam ""', '2'],
      ['HEADER x-spam YES', '2'],
      ['HEADER Message-Id one', '1 2'],
      ['BODY cat', '1'],
      ['BODY subject', ''],
      ['TEXT "subject: inner"', '3'],
      ['TEXT "text/html"', '3'],
      ['TEXT dog', '2'],
      ['TEXT "x-spam: yes"', '2'],
      ['TEXT \xe4\xbd\xa0', null],
      ['BODY "\xe4\xbd\xa0\xe5\xa5\xbd"', '3'],
      ['BODY html', '3'],
      ['OR BODY cat SUBJECT outer', '1 3'],
      ['SENTSINCE 2-Jul-2025', '2'],
      ['SENTON 1-Jul-2025', '1'],
      ['SENTBEFORE 2-Jul-2025', '1'],
      ['ON 14-Nov-2023', '1 2 3'],
      ['BEFORE 14-Nov-2023', ''],
      ['SINCE 15-Nov-2023', ''],
      [`LARGER ${MESSAGE.length}`, '2 3'],
      [`SMALLER ${MESSAGE.length + 1}`, '1'],
      ['NEW', '1 2 3'],
      ['OLD', ''],
      ['SEEN', ''],
      ['UNSEEN UNDELETED UNDRAFT UNFLAGGED UNANSWERED', '1 2 3'],
      ['KEYWORD $x', ''],
      ['UNKEYWORD $x (2 OR ALL SEEN)', '2'],
      ['OLDER 100', '1 2 3'],
      ['YOUNGER 100', ''],
      ['NOT (OR 1 2)', '3'],
      ['100:200', ''],
    ])('%s', async (keys, expected) => {
      await fill(MESSAGE, spam, NESTED);
      const { untagged, completion } = await client.command(`SEARCH ${keys}`);
      if (expected === null) expect(completion).toMatch(/^BAD /);
      else expect(untagged).toBe(`* SEARCH${expected === '' ? '' : ` ${expected}`}\r\n`);
    });

    test('compares the day of Date: as the sender wrote it, whatever the zone', async () => {
      await fill(
        MESSAGE.replace('10:00:00 +0800', '07:00:00 +0800'),
        MESSAGE.replace('10:00:00 +0800', '20:00:00 -0700'),
      );
      expect(await client.ok('SEARCH SENTON 1-Jul-2025')).toBe('* SEARCH 1 2\r\n');
      expect(await client.ok('SEARCH OR SENTBEFORE 1-Jul-2025 SENTSINCE 2-Jul-2025')).toBe('* SEARCH\r\n');
    });

    test('finds one of hundreds, whatever has to be read for it', async () => {
      await fill(MESSAGE, spam);
      expect(await client.ok(`SEARCH ${'OR HEADER Message-Id nobody '.repeat(499)}SUBJECT hello`)).toBe(
        '* SEARCH 1\r\n',
      );
      expect(await client.ok(`SEARCH ${'OR NOT TEXT dog '.repeat(249)}BODY cat`)).toBe('* SEARCH 1\r\n');
      expect(await client.ok(`SEARCH ${'('.repeat(400)}BODY dog${')'.repeat(400)}`)).toBe('* SEARCH 2\r\n');
    });

    test('refuses unknown charsets and lists the supported ones', async () => {
      await fill(MESSAGE);
      expect((await client.command('SEARCH CHARSET X-NONE SUBJECT x')).completion).toMatch(
        /^NO \[BADCHARSET \(US-ASCII UTF-8\)\]/,
      );
    });

    test('RETURN makes the response ESEARCH', async () => {
      await fill(MESSAGE, MESSAGE, MESSAGE);
      expect(await client.ok('SEARCH RETURN (MIN MAX COUNT ALL) ALL')).toMatch(
        /^\* ESEARCH \(TAG "T\d+"\) MIN 1 MAX 3 ALL 1:3 COUNT 3\r\n$/,
      );
      expect(await client.ok('UID SEARCH RETURN () 2:3')).toMatch(/^\* ESEARCH \(TAG "T\d+"\) UID ALL 2:3\r\n$/);
      expect(await client.ok('SEARCH RETURN (COUNT) SEEN')).toMatch(/ COUNT 0\r\n$/);
    });
  });

  describe('COPY, MOVE, EXPUNGE', () => {
    test('COPYUID lists the UIDs of source and copies', async () => {
      await fill(MESSAGE, MESSAGE, MESSAGE);
      await client.ok('CREATE target/below');
      expect((await client.command('UID COPY 2:3 target')).completion).toMatch(/^OK \[COPYUID \d+ 2:3 1:2\] /);
      const moved = await client.command('MOVE 1,3 target');
      expect(moved.untagged).toMatch(
        /^\* OK \[COPYUID \d+ 1,3 3:4\] Moved UIDs.\r\n\* 1 EXPUNGE\r\n\* 2 EXPUNGE\r\n\* 1 RECENT\r\n$/,
      );
      expect(moved.completion).toMatch(/^OK /);
      expect((await client.command('COPY 1 nowhere')).completion).toMatch(/^NO \[TRYCREATE\]/);
      expect((await client.command('UID COPY 99 target')).completion).toMatch(/^OK No messages/);
      expect((await client.command('COPY 99 target')).completion).toMatch(/^BAD /);
    });

    test('a copy into the selected mailbox is reported at once', async () => {
      const name = await fill(MESSAGE);
      const { untagged } = await client.command(`COPY 1 ${name}`);
      expect(untagged).toBe('* 2 EXISTS\r\n* 2 RECENT\r\n');
      expect(await client.ok('NOOP')).toBe('');
    });

    test('EXPUNGE removes marked messages, UID EXPUNGE only the named ones, CLOSE removes them silently', async () => {
      const name = await fill(MESSAGE, MESSAGE, MESSAGE, MESSAGE);
      await client.ok('STORE 1:3 +FLAGS.SILENT (\\Deleted)');
      expect(await client.ok('UID EXPUNGE 2,4')).toBe('* 2 EXPUNGE\r\n* 3 RECENT\r\n');
      expect(await client.ok('EXPUNGE')).toBe('* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 RECENT\r\n');
      await client.ok('STORE 1 +FLAGS (\\Deleted)');
      expect(await client.ok('CLOSE')).toBe('');
      expect(await client.ok(`STATUS ${name} (MESSAGES UIDNEXT)`)).toBe(`* STATUS ${name} (MESSAGES 0 UIDNEXT 5)\r\n`);
    });
  });

  describe('APPEND', () => {
    test('stores flags and date, and returns APPENDUID', async () => {
      const name = await fill();
      expect(await client.append(name, MESSAGE, '(\\Seen $Work) "17-Jul-1996 02:44:25 -0700" ')).toMatch(
        /^OK \[APPENDUID \d+ 1\] /,
      );
      const text = await client.ok('FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)');
      expect(text).toBe(
        `* 1 FETCH (FLAGS (\\Seen $Work \\Recent) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE ${MESSAGE.length})\r\n`,
      );
    });

    test('accepts a non-synchronizing literal, and a mailbox name that is itself a literal', async () => {
      const name = await fill();
      client.send(`X1 APPEND {${name.length}+}\r\n${name} (\\Draft) {${MESSAGE.length}+}\r\n${MESSAGE}\r\nX2 NOOP\r\n`);
      expect((await client.completion('X1')).completion).toMatch(/^OK \[APPENDUID/);
      expect((await client.completion('X2')).completion).toMatch(/^OK/);
    });

    test('converts bare LF to CRLF', async () => {
      const name = await fill();
      await client.append(name, 'Subject: x\n\nbody\n');
      expect(await client.ok('FETCH 1 BODY[]')).toContain('{20}\r\nSubject: x\r\n\r\nbody\r\n)');
    });

    test('refuses a missing mailbox, an empty message and one that is too large before it asks for the data', async () => {
      expect((await client.command('APPEND nowhere {10}')).completion).toMatch(/^NO \[TRYCREATE\]/);
      expect((await client.command('APPEND INBOX {0}')).completion).toMatch(/^NO /);
      expect((await client.command('APPEND INBOX {4294967296}')).completion).toMatch(/^NO \[TOOBIG\]/);
      expect((await client.command('APPEND INBOX (\\Bogus) {10}')).completion).toMatch(/^BAD /);
      client.send(`X1 APPEND nowhere {${MESSAGE.length}+}\r\n${MESSAGE}\r\nX2 NOOP\r\n`);
      expect((await client.completion('X1')).completion).toMatch(/^NO \[TRYCREATE\]/);
      expect((await client.completion('X2')).completion).toMatch(/^OK/);
    });
  });
});
