/** Plugins of Haraka that fail are contained: named in the log, and the session goes on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { until } from '../interop/program.ts';
import { type Pair, startPair } from './pair.ts';

const BAD = `
exports.hook_mail = (next, connection, [from]) => {
  switch (from.user) {
    case 'throws': throw new Error('no such thing');
    case 'rejects': return Promise.reject(new Error('in vain'));
    case 'later': return void setTimeout(() => { throw new Error('too late'); }, 10);
    case 'never': return;
    case 'twice': next(); return void next();
    case 'loops': for (;;);
    case 'nonsense': return void next('what', { a: 1 });
  }
  next();
};
exports.hook_rcpt = (next, connection, [to]) => next(DENY, 'a\\r\\n250 injected');
`;

let pair: Pair;
beforeAll(async () => {
  pair = await startPair({ plugins: ['bad'], own: { bad: BAD }, files: { 'bad.timeout': '1\n' } });
});
afterAll(() => pair.stop());

async function mailFrom(user: string): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: pair.ourPort });
  try {
    client.send('PROXY TCP4 123.125.81.9 127.0.0.1 50000 25');
    const replies = [await client.smtp()];
    for (const line of ['EHLO client.example.org', `MAIL FROM:<${user}@example.org>`, 'RCPT TO:<user@example.test>'])
      replies.push(await client.smtp(line));
    return replies.slice(2);
  } finally {
    client.close();
  }
}

/** The log is written in its own time. */
const logged = (pattern: RegExp): Promise<void> =>
  until(`the log to have ${pattern}`, async () => pattern.test(pair.logs().ours), 30_000);

const UNAVAILABLE = '451 4.3.0 Error: service temporarily unavailable';

test.for([
  ['throws', 'bad: mail threw: no such thing'],
  ['rejects', 'bad: mail rejected: in vain'],
  ['later', 'bad: mail threw later: too late'],
  ['never', 'bad: mail gave no answer within 1 s'],
])('one that %s counts as a temporary refusal', async ([user = '', told = '']) => {
  const [mail] = await mailFrom(user);
  expect(mail).toBe(UNAVAILABLE);
  await logged(new RegExp(told));
});

test('one that answers twice is heard once', async () => {
  expect((await mailFrom('twice'))[0]).toMatch(/^250/);
  await logged(/bad: mail called next\(\) twice; the second call is ignored/);
});

test('a line end in a reply makes no second reply', async () => {
  expect((await mailFrom('good'))[1]).toBe('550-a\n550 250 injected');
});

test('an answer that is none counts as no opinion', async () => {
  expect((await mailFrom('nonsense'))[0]).toMatch(/^250/);
});

test('one that never returns is ended and named, and the next session is served by a new process', async () => {
  // The client is heard again after ten seconds, which may be more than it waits.
  const looping = mailFrom('loops').catch(() => [UNAVAILABLE]);
  await logged(/bad: mail has not returned for \d+ s; it is started again/);
  expect((await looping)[0]).toBe(UNAVAILABLE);
  const isServed = async (): Promise<boolean> =>
    (await mailFrom('good').catch(() => ['']))[0]?.startsWith('250') === true;
  await until('the new process', isServed, 60_000);
});
