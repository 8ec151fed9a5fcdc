/** The log lines at the end of a session, in the format of Postfix. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reply } from '../../../src/mail/status.ts';
import { SmtpClient } from '../../kit/smtp-client.ts';
import { ENDINGS, playEnding } from './endings.ts';
import { type House, openHouse } from './house.ts';

describe('a session that ends', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse({
      parameters: { message_size_limit: '60000' },
      // The receiver is slow: a client may be gone before the receiver has decided.
      answer: async ({ transaction }) => {
        for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
        return reply(250, '2.0.0', `Ok: queued as ${transaction.queueId}`);
      },
    });
  });
  afterAll(() => house.close());

  it.each(ENDINGS.map((ending) => [ending.name, ending] as const))('%s', async (_name, ending) => {
    expect(await playEnding(house.port, ending, () => house.log)).toEqual(ending.log);
  });

  it('by a timeout within a message logs how many octets came', async () => {
    const at = await openHouse({ parameters: { smtpd_timeout: '1' } });
    const client = await SmtpClient.open(at.port);
    await client.reply();
    await client.run('ehlo x', 'mail from:<a@qq.com>', 'rcpt to:<maomao@baidu.com>', 'data');
    client.send('hello\r\n');
    expect(await client.reply()).toBe('421 4.4.2 mail.baidu.com Error: timeout exceeded');
    client.destroy();
    await at.close();
    // The last line is written once the socket has closed.
    await expect
      .poll(() => at.log.slice(-2))
      .toEqual([
        'timeout after DATA (7 bytes) from unknown[127.0.0.1]',
        'disconnect from unknown[127.0.0.1] ehlo=1 mail=1 rcpt=1 data=0/1 commands=3/4',
      ]);
  });
});
