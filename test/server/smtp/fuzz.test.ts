import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmtpClient } from '../../kit/smtp-client.ts';
import { openHouse } from './house.ts';

const LINES = [
  'EHLO x',
  'HELO x',
  'MAIL FROM:<a@qq.com>',
  'MAIL FROM:<> SIZE=5 BODY=8BITMIME RET=FULL',
  'RCPT TO:<maomao@baidu.com>',
  'RCPT TO:<lisi@qq.com>',
  'RCPT TO:<xixi@baidu.com> NOTIFY=NEVER',
  'MAIL FROM:<b@qq.com>\r\nRCPT TO:<haha@baidu.com>',
  'MAIL FROM:<c@qq.com>\r\nRCPT TO:<haha@baidu.com>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.',
  'DATA',
  'one line',
  '..',
  '.',
  'BDAT 6\r\nfoo\r\n.',
  'BDAT 0 LAST',
  'BDAT 12 LAST\r\nNOOP\r\nNOOP\r\n',
  'BDAT 99999999',
  'RSET',
  'NOOP',
  'VRFY maomao',
  'ETRN qq.com',
  'AUTH LOGIN',
  'bWFvbWFv',
  '*',
  'AUTH PLAIN AG1hb21hbwBtYW9tYW8=',
  'STARTTLS',
  '',
  '\u00e4\u4e2d',
  'x'.repeat(3000),
];

it('no order of commands, however it is split, breaks a session or leaves a message open', async () => {
  const house = await openHouse({
    slowWrites: true,
    parameters: {
      smtpd_error_sleep_time: '0',
      smtpd_hard_error_limit: '1000',
      smtpd_client_connection_count_limit: '0',
      message_size_limit: '1000000',
    },
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...LINES), { maxLength: 25 }),
      fc.array(fc.nat(400), { maxLength: 4 }),
      async (lines, cuts) => {
        const octets = Buffer.from(`${lines.join('\r\n')}\r\n`);
        const client = await SmtpClient.open(house.port);
        expect(await client.reply()).toMatch(/^220 /);
        let from = 0;
        for (const cut of [...cuts.map((at) => at % octets.length).sort((a, b) => a - b), octets.length]) {
          client.send(octets.subarray(from, cut));
          from = cut;
          await new Promise((resolve) => setImmediate(resolve));
        }
        client.end();
        for (let answer = await client.reply(); answer !== ''; answer = await client.reply()) {
          expect(answer).toMatch(/^[2345]\d\d(?:[- ](?:[245]\.\d\.\d )?.*)?$/s);
        }
        client.destroy();
      },
    ),
    { numRuns: 150 },
  );
  while (house.smtp.sessions > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(house.taken.length).toBeGreaterThan(0);
  expect(house.taken.filter((taken) => taken.outcome === 'open')).toEqual([]);
  expect(house.log.filter((line) => line.startsWith('ERROR'))).toEqual([]);
  await house.close();
});

it('random octets get a reply or close the connection', async () => {
  const house = await openHouse({
    parameters: { smtpd_error_sleep_time: '0', smtpd_client_connection_count_limit: '0' },
  });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (octets) => {
      const client = await SmtpClient.open(house.port);
      await client.reply();
      client.send(Buffer.from(octets));
      client.end();
      for (let answer = await client.reply(); answer !== ''; answer = await client.reply());
      client.destroy();
    }),
    { numRuns: 50 },
  );
  expect(house.log.filter((line) => line.startsWith('ERROR'))).toEqual([]);
  await house.close();
});
