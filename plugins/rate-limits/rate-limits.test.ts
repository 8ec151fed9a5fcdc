import { afterEach, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { openHouse, connect as shape, transactionOf, words } from '../../test/bus/house.ts';
import { memoryStates } from '../../test/kit/states.ts';

const QUEUED = /^250 2\.0\.0 Ok: queued as /;
const PAUSED = '450 4.7.1 Error: unusually much mail from user@example.test; try again later';
const STOPPED = '554 5.7.1 Error: user@example.test is stopped from sending to other servers; ask your administrator';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

it('a stolen password that sends spam is noticed and stopped', async () => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    accounts: ['user@example.test', 'admin@example.test'],
    config: { 'rate-limits': { administrator: 'admin@example.test', alarm: { least: 10, patience: 2 } } },
    worker: false,
  });
  const user = { from: 'user@example.test', user: 'user@example.test' };
  const spam = { ...user, ip: '198.51.100.66', to: [1, 2, 3, 4, 5].map((i) => `victim${i}@example.org`) };
  // Its usual mail, some days long.
  for (let day = 0; day < 2; day += 1) {
    expect(await server.send({ ...user, to: 'friend@example.org' })).toMatch(QUEUED);
    await server.clock.advance({ days: 1, hours: 1 });
  }
  const replies: string[] = [];
  for (let i = 0; i < 7; i += 1) replies.push(await server.send(spam));
  expect(replies.slice(0, 2)).toEqual([expect.stringMatching(QUEUED), expect.stringMatching(QUEUED)]);
  expect(replies.slice(2)).toEqual([PAUSED, PAUSED, PAUSED, STOPPED, STOPPED]);
  expect(await server.queued()).toHaveLength(12);

  const letters = await server.messages('admin@example.test');
  expect(letters.map(({ header }) => header.get('Subject'))).toEqual([
    'user@example.test sends unusual mail',
    'user@example.test is stopped from sending',
  ]);
  expect(letters[0]?.text).toContain('15 recipients in a day; its busiest day of the last 30 had 1');
  expect(letters[1]?.text).toContain('198.51.100.66 (2)');
  expect(letters[1]?.text).toContain('posthorn user passwd user@example.test');
  expect((await server.logged(/stopped$/)).msg).toBe(
    'user@example.test: went on with 3 messages while refused: stopped',
  );
  expect(await server.metric('posthorn_plugin_rate_limits_messages_total', { result: 'stopped' })).toBe(1);

  // Neither time nor a reload lifts it; mail to users here is no concern of it.
  await server.clock.advance({ days: 60 });
  await server.reload({ 'rate-limits': {} });
  expect(await server.send({ ...user, to: 'friend@example.org' })).toBe(STOPPED);
  expect(await server.send({ ...user, to: 'admin@example.test' })).toMatch(QUEUED);
});

it('limits in an hour and a day, of messages and recipients, also for clients in mynetworks', async () => {
  server = await startTestServer({
    plugins: [import.meta.dirname],
    config: { 'rate-limits': { messages_per_hour: 2, recipients_per_hour: 4, messages_per_day: 3 } },
    worker: false,
  });
  const send = (ip: string, recipients = 1): Promise<string> | undefined =>
    server?.send({
      from: 'a@example.test',
      to: Array.from({ length: recipients }, (_, i) => `r${i}@example.org`),
      ip,
    });
  expect(await send('192.0.2.7', 5)).toBe(
    '450 4.7.1 Error: too many recipients in an hour from 192.0.2.7; try again later',
  );
  for (let i = 0; i < 2; i += 1) expect(await send('192.0.2.7')).toMatch(QUEUED);
  expect(await send('192.0.2.7')).toBe('450 4.7.1 Error: too many messages in an hour from 192.0.2.7; try again later');
  expect(await send('192.0.2.8')).toMatch(QUEUED);
  await server.clock.advance({ minutes: 71 });
  expect(await send('192.0.2.7')).toMatch(QUEUED);
  expect(await send('192.0.2.7')).toBe('450 4.7.1 Error: too many messages in a day from 192.0.2.7; try again later');
  await server.clock.advance({ hours: 25 });
  expect(await send('192.0.2.7')).toMatch(QUEUED);
});

/** A house whose bus is asked as the server asks it; `ask` sends a message to so many. */
async function openSending(config: object) {
  const states = memoryStates();
  let now = Date.UTC(2026, 0, 1, 12);
  let sent = 0;
  const open = () =>
    openHouse({
      plugins: ['rate-limits'],
      states,
      clock: () => now,
      files: { 'plugins.d/rate-limits.json': JSON.stringify(config) },
    });
  const house = await open();
  return {
    house,
    states,
    open,
    pass: (hours: number) => {
      now += hours * 3_600_000;
    },
    async ask(recipients: number, { login, ip, at = house }: { login?: string; ip?: string; at?: typeof house } = {}) {
      const to = Array.from({ length: recipients }, (_, i) => `r${i}@example.org`);
      sent += 1;
      const transaction = Object.assign(transactionOf('xixi@baidu.com', to), { queueId: `4M${sent}` });
      const connection = shape(at, {
        ...(login === undefined ? {} : { login }),
        ...(ip === undefined ? {} : { ip }),
      });
      return words(await at.bus.run('queue_outbound', { connection, transaction, recipients: to }));
    },
    async bounce(message: number) {
      const failed = { code: 550, enhanced: '5.1.1', text: 'unknown' };
      await house.bus.run('bounce', {
        queueId: `4M${message}`,
        recipient: 'r@example.org',
        reply: failed,
        relay: 'mx',
      });
    },
  };
}

it('an account whose mail bounces has to wait', async () => {
  const sending = await openSending({ alarm: { bounces: 3 } });
  for (let i = 1; i <= 6; i += 1) expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
  for (const message of [1, 2]) await sending.bounce(message);
  expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
  await sending.bounce(3);
  expect(await sending.ask(1, { login: 'xixi' })).toMatch(/^450 4\.7\.1 Error: unusually much mail/);
  expect(sending.house.lines.join('\n')).toContain('3 of 8 recipients in a day bounced: refused for now');
  // It may go on, more carefully: not with as many again.
  sending.pass(1);
  expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
  for (const message of [4, 5, 6]) await sending.bounce(message);
  expect(await sending.ask(1, { login: 'xixi' })).toMatch(/^554 5\.7\.1 /);
});

it('bounces of a few among many are usual', async () => {
  const sending = await openSending({ alarm: { bounces: 3 } });
  for (let i = 1; i <= 11; i += 1) expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
  for (const message of [1, 2, 3]) await sending.bounce(message);
  expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
});

it('who has always sent much may go on to do so', async () => {
  const sending = await openSending({ alarm: { least: 10, factor: 2 } });
  // Each time twice as many.
  for (const recipients of [10, 20, 40, 80]) {
    expect(await sending.ask(recipients, { login: 'xixi' })).toBe('NEXT');
    sending.pass(49);
  }
  expect(await sending.ask(161, { login: 'xixi' })).toMatch(/^450 /);
});

it.each(['passwd', 'enable'] as const)('"user %s" lets a stopped account send again', async (change) => {
  const sending = await openSending({ alarm: { least: 10, patience: 0 } });
  const mail = () => sending.ask(11, { login: 'xixi' });
  expect(await mail()).toMatch(/^450 /);
  expect(await mail()).toMatch(/^554 /);
  expect(await sending.states.keys({ plugin: 'rate-limits', prefix: 'stopped:' }, 10, 0)).toEqual([
    'stopped:xixi@baidu.com',
  ]);
  await sending.house.bus.run('account_changed', { address: 'Xixi@baidu.com', change: 'disable' });
  expect(await mail()).toMatch(/^554 /);
  await sending.house.bus.run('account_changed', { address: 'Xixi@baidu.com', change });
  expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
  expect(sending.house.lines.join('\n')).toContain('xixi@baidu.com may send again');
});

it('strangers, whose mail is only forwarded, exempt senders and our own notifications are not counted', async () => {
  const sending = await openSending({ messages_per_hour: 1, exempt: ['xixi@baidu.com', '127.0.1.1'] });
  for (let i = 0; i < 3; i += 1) {
    expect(await sending.ask(1)).toBe('NEXT');
    expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
    expect(await sending.ask(1, { ip: '127.0.1.1' })).toBe('NEXT');
  }
  expect(await sending.states.keys({ plugin: 'rate-limits', prefix: '' }, 10, 0)).toEqual([]);
});

it('exceptions have their own limits', async () => {
  const sending = await openSending({
    recipients_per_day: 10,
    alarm: { least: 10 },
    exceptions: { 'Xixi@baidu.com': { recipients_per_day: 50, alarm: false } },
  });
  expect(await sending.ask(11, { login: 'maomao' })).toMatch(/too many recipients in a day/);
  expect(await sending.ask(50, { login: 'xixi' })).toBe('NEXT');
  expect(await sending.ask(1, { login: 'xixi' })).toMatch(/too many recipients in a day/);
});

it('several processes count together, also at the same moment', async () => {
  const sending = await openSending({ messages_per_hour: 10 });
  const other = await sending.open();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => sending.ask(1, { login: 'xixi', at: i % 2 === 0 ? sending.house : other })),
  );
  expect(answers.filter((answer) => answer === 'NEXT')).toHaveLength(10);
});

it('what is kept of a sender is bounded', async () => {
  const sending = await openSending({
    messages_per_hour: 0,
    messages_per_day: 0,
    recipients_per_day: 0,
    alarm: { least: 100_000 },
  });
  for (let i = 0; i < 400; i += 1) {
    expect(await sending.ask(1, { login: 'xixi' })).toBe('NEXT');
    sending.pass(3);
  }
  const text = await sending.states.get({ plugin: 'rate-limits', key: 'sender:xixi@baidu.com' }, 0);
  expect(text?.length).toBeLessThan(3_000);
});
