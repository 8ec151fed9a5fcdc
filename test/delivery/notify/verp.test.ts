/** VERP (VERP_README): who is told of what became of each recipient, and by which sender its copy came. */
import { afterEach, expect, test } from 'vitest';
import { NEXT, OK } from '../../../src/bus/hook.ts';
import { openHouse, type TestHouse } from '../house.ts';

let house: TestHouse;
afterEach(() => house.stop());

async function open(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  house = await openHouse({
    settings: { default_transport: 'error:5.1.1 no such user', ...settings },
    handlers: {
      expand: ({ recipient, into }) => {
        if (recipient.address !== 'owned@baidu.com') return NEXT;
        into.push({ ...recipient, address: 'haha@baidu.com', sender: 'owner-owned@baidu.com' });
        return OK;
      },
    },
  });
  house.runner.start();
}

const TEXT = 'Subject: x\r\n\r\nx\r\n';
const FROM = 'xixi+list@baidu.com';
const GONE = ['a@far.example', 'b@far.example'];

async function reports(): Promise<string[]> {
  await house.runner.idle();
  const texts = await house.inbox('xixi@baidu.com');
  return texts.map(
    (text) => `${/^X-Original-To: (.*)\r$/m.exec(text)?.[1]} ${text.match(/^Final-Recipient/gm)?.length}`,
  );
}

test('P16: a bounce for each recipient goes to its own sender, and nothing else knows of it', async () => {
  await open({ recipient_delimiter: '+', myhostname: 'mail.baidu.com' });
  await house.submit({ to: GONE, reversePath: FROM }, TEXT, { verp: '+=' });
  expect((await reports()).sort()).toEqual([
    'xixi+list+a=far.example@baidu.com 1',
    'xixi+list+b=far.example@baidu.com 1',
  ]);
  expect(house.lines.filter((line) => line.includes('status=bounced'))).toHaveLength(2);
  expect(house.lines.filter((line) => line.includes('from=<xixi+list@baidu.com>'))).toHaveLength(1);
});

test('P16: with disable_verp_bounces one goes to the sender of all', async () => {
  await open({ recipient_delimiter: '+', disable_verp_bounces: 'yes' });
  await house.submit({ to: GONE, reversePath: FROM }, TEXT, { verp: '+=' });
  expect(await reports()).toEqual([`${FROM} 2`]);
});

test('P16: a success is told to the sender as it was', async () => {
  await open({ recipient_delimiter: '+' });
  const to = [{ address: 'maomao@baidu.com', notify: ['SUCCESS' as const] }];
  await house.submit({ to, reversePath: FROM }, TEXT, { verp: '+=' });
  expect(await reports()).toEqual([`${FROM} 1`]);
  expect((await house.inbox('maomao@baidu.com'))[0]).toMatch(
    /^Return-Path: <xixi\+list\+maomao=baidu.com@baidu.com>\r\n/,
  );
});

test('P11: mailboxes have it as Return-Path, but what an owner sends on is its own; the null sender stays', async () => {
  await open();
  await house.submit({ to: ['maomao@baidu.com', 'owned@baidu.com'], reversePath: FROM }, TEXT, { verp: '+=' });
  await house.submit({ to: ['maomao@baidu.com'], reversePath: '' }, TEXT, { verp: '+=' });
  const path = async (who: string): Promise<string[]> =>
    (await house.inbox(who)).map((text) => /^Return-Path: (.*)\r$/m.exec(text)?.[1] ?? '');
  expect(await path('maomao@baidu.com')).toEqual(['<xixi+list+maomao=baidu.com@baidu.com>', '<>']);
  expect(await path('haha@baidu.com')).toEqual(['<owner-owned@baidu.com>']);
});
