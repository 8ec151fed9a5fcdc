import { afterEach, beforeEach, expect, test } from 'vitest';
import { removable } from '../../kit/away.ts';
import { openHouse, type TestHouse } from '../house.ts';

let house: TestHouse;
let database: { away: boolean };
beforeEach(async () => {
  house = await openHouse();
  database = removable(house.store);
});
afterEach(() => house.stop());

const LATER = { code: 451, enhanced: '4.3.0', text: 'Error: queue file write error' };
const TEXT = 'Subject: Hello\r\n\r\nHello cat\r\n';

test.each([
  ['a message', TEXT],
  ['a long message', Array.from({ length: 100 }, () => `${'x'.repeat(70)}\r\n`.repeat(200))],
])('%s is refused for now, taken when the store is back, and there once', async (_, text) => {
  database.away = true;
  expect(await house.submit({}, text)).toEqual(LATER);
  database.away = false;
  expect(await house.inbox('maomao@baidu.com')).toEqual([]);
  expect((await house.submit({}, text)).code).toBe(250);
  expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
  expect(house.lines.filter((line) => line.includes('not accepted'))).toEqual([]);
});

test('one whose acceptance fails at the last moment leaves nothing', async () => {
  const { accept } = house.store;
  Object.assign(house.store, {
    accept(...args: Parameters<typeof accept>) {
      database.away = true;
      return accept(...args);
    },
  });
  expect(await house.submit({ to: ['maomao@baidu.com', 'zhangsan@qq.com'] }, TEXT)).toEqual(LATER);
  database.away = false;
  expect([await house.inbox('maomao@baidu.com'), await house.queue()]).toEqual([[], []]);
});
