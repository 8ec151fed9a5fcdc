/** The store, which knows the domains and the recipients, cannot be reached. */

import { expect, test } from 'vitest';
import { NO_LOGINS } from '../../../src/server/login/no-logins.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { clientForTest, type House, type HouseOptions, houseForTest } from './house.ts';

const away = (): Promise<never> => Promise.reject(new StoreUnavailableError('the database cannot be reached'));

/** A server whose domains are away while `state.away`. */
async function open(options: Partial<HouseOptions['server']> = {}): Promise<{ at: House; state: { away: boolean } }> {
  const state = { away: true };
  const at = await houseForTest({
    server: {
      domains: {
        classify: async (domain) => (state.away ? away() : domain === 'baidu.com' ? 'local' : 'default'),
        resolve: (address) => address,
        undeliverable: async () => null,
        recipientExists: async () => (state.away ? away() : true),
      },
      ...options,
    },
  });
  return { at, state };
}

test('recipients are refused for now, however many: the session stays, and goes on when the store is back', async () => {
  const { at, state } = await open();
  const client = await clientForTest(at);
  await client.reply();
  await client.run('ehlo mail.qq.com', 'mail from:<zhangsan@qq.com>');
  for (let i = 0; i < 30; i += 1)
    expect(await client.say('rcpt to:<xixi@baidu.com>')).toBe('451 4.3.0 <xixi@baidu.com>: Temporary lookup failure');
  expect(await client.say('vrfy xixi@baidu.com')).toBe('451 4.3.0 Temporary lookup failure');
  state.away = false;
  await client.run('rcpt to:<xixi@baidu.com>', 'data');
  expect(await client.say('hello\r\n.')).toMatch(/^250 /);
  expect(at.sleeps).toEqual([]);
  expect(at.log.filter((line) => line.startsWith('ERROR'))).toEqual([]);
  expect(at.log).toContain(
    'NOQUEUE: reject: RCPT from unknown[127.0.0.1]: 451 4.3.0 <xixi@baidu.com>: Temporary lookup failure; from=<zhangsan@qq.com> to=<xixi@baidu.com> proto=ESMTP helo=<mail.qq.com>',
  );
});

test('so are those of LMTP, and ETRN', async () => {
  const { at, state } = await open({ lmtp: true });
  const client = await clientForTest(at);
  await client.reply();
  await client.run('lhlo mail.qq.com', 'mail from:<zhangsan@qq.com>');
  expect(await client.say('rcpt to:<xixi@baidu.com>')).toBe('451 4.3.0 <xixi@baidu.com>: Temporary lookup failure');
  state.away = false;
  await client.run('rcpt to:<xixi@baidu.com>');

  const other = await open({ flushDestination: away });
  const smtp = await clientForTest(other.at);
  await smtp.reply();
  await smtp.run('ehlo mail.qq.com');
  expect(await smtp.say('etrn baidu.com')).toBe('451 4.3.0 Temporary lookup failure');
});

test('a login is refused for now', async () => {
  const { at } = await open({ authenticator: NO_LOGINS });
  const client = await clientForTest(at);
  await client.reply();
  await client.run('ehlo mail.qq.com');
  expect(await client.say('auth plain AG1hb21hbwBtYW9tYW8=')).toMatch(/^454 4\.7\.0 Temporary authentication failure/);
});
