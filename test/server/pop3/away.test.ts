import { afterEach, beforeEach, expect, test } from 'vitest';
import { removable } from '../../kit/away.ts';
import { House } from './house.ts';

const UNAVAILABLE = '-ERR [SYS/TEMP] The mail store cannot be reached now, try again later.';

let house: House;
let database: { away: boolean };
beforeEach(async () => {
  house = await House.open();
  database = removable(house.store);
  await house.deliver('Subject: one\r\n\r\nHello cat\r\n');
});
afterEach(() => house.close());

const complaints = (): string[] => house.log.lines.filter((line) => !/: (?:Login|Disconnected): /.test(line));

test('commands are refused for now, the session stays, and goes on when the store is back', async () => {
  const client = await house.login();
  database.away = true;
  expect(await client.ask('RETR 1')).toBe(UNAVAILABLE);
  expect(await client.ask('TOP 1 0')).toBe(UNAVAILABLE);
  expect(await client.ask('STAT')).toMatch(/^\+OK 1 /);
  expect(await client.ask('DELE 1')).toBe('+OK Marked to be deleted.');
  database.away = false;
  expect(await client.ask('RSET')).toBe('+OK');
  expect((await client.multi('RETR 1')).body).toContain('Hello cat');
  expect(complaints()).toEqual([]);
});

test('QUIT does not say that messages were removed', async () => {
  const client = await house.login();
  await client.ask('DELE 1');
  database.away = true;
  expect(await client.ask('QUIT')).toBe(UNAVAILABLE);
  database.away = false;
  expect(await (await house.login()).ask('STAT')).toMatch(/^\+OK 1 /);
  expect(complaints()).toEqual([]);
});

test('a login whose INBOX cannot be opened may be tried again in the same session', async () => {
  const client = await house.dial();
  const { find } = house.store.mailboxes;
  house.store.mailboxes.find = (...args) => {
    database.away = true;
    return find(...args);
  };
  await client.ask('USER maomao');
  expect(await client.ask('PASS maomao')).toBe(UNAVAILABLE);
  house.store.mailboxes.find = find;
  database.away = false;
  await client.ask('USER maomao');
  expect(await client.ask('PASS maomao')).toBe('+OK Logged in.');
  expect(complaints()).toEqual([]);
});
