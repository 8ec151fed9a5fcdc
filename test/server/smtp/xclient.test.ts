/** XCLIENT and XFORWARD: who may use them, and what they change. */
import { expect, test } from 'vitest';
import { NO_RIGHTS } from '../../../src/server/smtp/client-rights.ts';
import type { SmtpServerOptions } from '../../../src/server/smtp/server.ts';
import { clientForTest, houseForTest } from './house.ts';

const rightsOf: SmtpServerOptions['rightsOf'] = async ({ remote }) => ({
  ...NO_RIGHTS,
  xclient: remote.ip === '127.0.0.1',
  xforward: remote.ip === '127.0.0.1',
  discardedKeywords: remote.ip === '192.0.2.1' ? new Set(['DSN', 'CHUNKING']) : null,
});

test('P8: XCLIENT begins the session again as that of another client, with its rights and no login', async () => {
  const at = await houseForTest({ server: { rightsOf } });
  const client = await clientForTest(at);
  await client.reply();
  expect(await client.say('ehlo x')).toContain('XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT DESTADDR DESTPORT');
  await client.run('auth plain AG1hb21hbwBtYW9tYW8=');
  expect(await client.say('xclient name=far.test addr=192.0.2.1 port=7')).toMatch(/^220 /);
  expect(await client.say('xclient addr=127.0.0.1')).toBe('550 5.7.0 Error: insufficient authorization');
  expect(await client.say('ehlo x')).not.toMatch(/XCLIENT|XFORWARD|DSN|CHUNKING/);
  await client.run('mail from:<a@b.example>');
  expect(await client.say('rcpt to:<a@elsewhere.example>')).toMatch(/^554 5\.7\.1 .*Relay access denied$/);
  await client.run('rcpt to:<xixi@baidu.com>', 'data');
  await client.say('hello\r\n.');
  expect(at.taken[0]?.connection?.remote).toMatchObject({ ip: '192.0.2.1', name: 'far.test', port: 7 });
  expect(at.taken[0]?.connection?.user).toBeNull();
});

test('P8: XCLIENT and XFORWARD are refused to everyone else, and within a transaction', async () => {
  const client = await clientForTest(await houseForTest());
  await client.reply();
  for (const verb of ['xclient', 'xforward'])
    expect(await client.say(`${verb} addr=127.0.0.1`)).toBe('550 5.7.0 Error: insufficient authorization');
  const other = await clientForTest(await houseForTest({ server: { rightsOf } }));
  await other.reply();
  await other.run('ehlo x', 'mail from:<a@b.example>');
  expect(await other.say('xclient addr=192.0.2.1')).toBe('503 5.5.1 Error: MAIL transaction in progress');
});

test('P19: XFORWARD names the client of the next message in the log, and of no other', async () => {
  const at = await houseForTest({ server: { rightsOf } });
  const client = await clientForTest(at);
  await client.reply();
  await client.run('ehlo x', 'xforward name=far.test addr=192.0.2.1', 'xforward ident=ABC+2AD');
  const send = ['mail from:<a@b.example>', 'rcpt to:<xixi@baidu.com>', 'data', 'hello\r\n.'];
  await client.run(...send, ...send);
  const lines = at.log.filter((line) => line.includes(': client=')).map((line) => line.replace(/^.*: /, ''));
  expect(lines).toEqual([
    'client=unknown[127.0.0.1], orig_queue_id=ABC*D, orig_client=far.test[192.0.2.1]',
    'client=unknown[127.0.0.1]',
  ]);
});
