/** The telnet session of the tutorials, and the rules of the not-authenticated state. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, MESSAGE, openHouse } from './house.ts';

describe('the telnet session', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
    await house.deliver(MESSAGE);
    await house.deliver(MESSAGE);
  });
  afterAll(() => house.close());

  test('D2: the dialog of the tutorial gets the answers of Dovecot', async () => {
    const client = await house.connect();
    expect(await client.line()).toMatch(/^\* OK \[CAPABILITY IMAP4rev1 [^\]]*\] \S.*$/);
    client.send('A01 LOGIN maomao maomao\r\n');
    expect((await client.completion('A01')).completion).toMatch(/^OK \[CAPABILITY [^\]]+\] Logged in$/);
    client.send('A02 LIST "" *\r\n');
    const list = await client.completion('A02');
    for (const name of ['INBOX', 'Sent', 'Drafts', 'Junk', 'Trash', 'Archive'])
      expect(list.untagged).toMatch(new RegExp(`^\\* LIST \\([^)]*\\) "/" ${name}\r$`, 'm'));
    expect(list.untagged).toMatch(/^\* LIST \([^)]*\) "\/" INBOX\r\n/);
    client.send('A03 Select "INBOX"\r\n');
    const selected = await client.completion('A03');
    expect(selected.completion).toMatch(/^OK \[READ-WRITE\] /);
    expect(selected.untagged).toContain('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n');
    expect(selected.untagged).toMatch(/\* OK \[PERMANENTFLAGS \([^)]*\\\*\)\] /);
    expect(selected.untagged).toContain('* 2 EXISTS\r\n* 2 RECENT\r\n');
    expect(selected.untagged).toMatch(/\* OK \[UIDVALIDITY \d+\] .*\r\n\* OK \[UIDNEXT 3\] /);
    client.send('A04 Search ALL\r\n');
    expect(await client.completion('A04')).toEqual({
      untagged: '* SEARCH 1 2\r\n',
      completion: 'OK Search completed.',
    });
    client.send('A05 Fetch 2 full\r\n');
    const { untagged } = await client.completion('A05');
    expect(untagged).toBe(
      `* 2 FETCH (FLAGS (\\Recent) INTERNALDATE "14-Nov-2023 22:13:20 +0000" RFC822.SIZE ${MESSAGE.length} ` +
        'ENVELOPE ("Tue, 1 Jul 2025 10:00:00 +0800" "Hello" (("Zhang San" NIL "zhangsan" "qq.com")) (("Zhang San" NIL "zhangsan" "qq.com")) ' +
        '(("Zhang San" NIL "zhangsan" "qq.com")) ((NIL NIL "maomao" "baidu.com")) NIL NIL NIL "<one@qq.com>") ' +
        'BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 1))\r\n',
    );
    client.send('A06 logout\r\n');
    expect(await client.completion('A06')).toEqual({
      untagged: '* BYE Logging out\r\n',
      completion: 'OK Logout completed.',
    });
    expect(await client.rest()).toBe('');
    expect(house.log.lines).toContainEqual(
      expect.stringMatching(/^Login: user=<maomao>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<.+>$/),
    );
  });
});
