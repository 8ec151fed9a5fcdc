/** Non-ASCII addresses without SMTPUTF8: the replies of Postfix 3.7 with each setting. */
import { describe, expect, it } from 'vitest';
import { clientForTest, houseForTest } from './house.ts';

const UNDECLARED = '553 5.6.7 Must declare SMTPUTF8 to send unicode address';

describe('a non-ASCII address', () => {
  it.each([
    ['yes', 'no', '250 2.1.0 Ok', '250 2.1.5 Ok'],
    ['no', 'no', '250 2.1.0 Ok', '250 2.1.5 Ok'],
    ['yes', 'yes', UNDECLARED, UNDECLARED],
    ['no', 'yes', UNDECLARED, UNDECLARED],
  ])('without SMTPUTF8, smtputf8_enable = %s, strict_smtputf8 = %s', async (enabled, strict, sender, recipient) => {
    const house = await houseForTest({
      parameters: { smtputf8_enable: enabled, strict_smtputf8: strict, smtpd_reject_unlisted_recipient: 'no' },
    });
    const client = await clientForTest(house);
    await client.reply();
    const dialog = [
      ['MAIL FROM:<jürgen@qq.com>', sender],
      ['RSET', '250 2.0.0 Ok'],
      ['MAIL FROM:<a@jürgen.example>', '501 5.1.7 Bad sender address syntax'],
      ['MAIL FROM:<a@qq.com>', '250 2.1.0 Ok'],
      ['RCPT TO:<jürgen@baidu.com>', recipient],
      ['RCPT TO:<a@jürgen.example>', '501 5.1.3 Bad recipient address syntax'],
      ['RSET', '250 2.0.0 Ok'],
      [
        'MAIL FROM:<jürgen@qq.com> SMTPUTF8',
        enabled === 'yes' ? '250 2.1.0 Ok' : '555 5.5.4 Unsupported option: SMTPUTF8',
      ],
    ] as const;
    for (const [line, expected] of dialog) expect(await client.say(line), line).toBe(expected);
  });
});
