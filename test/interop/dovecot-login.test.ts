/** Failed logins: the same dialogs with a real Dovecot 2.3 and with ours, and the same text in both logs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { wholeLines } from '../kit/json-lines.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { type House, startInteropHouse } from './house.ts';
import { until } from './program.ts';

let house: House;
let dovecot: Dovecot;

beforeAll(async () => {
  // Failures are reported at once here, so that the test does not wait for them.
  dovecot = await startDovecot(
    'secret',
    'auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}',
  );
  house = await startInteropHouse();
}, 60_000);
afterAll(async () => {
  await house?.stop();
  await dovecot?.stop();
});

const WRONG = 'a LOGIN USER wrong';
const HALF = 'a AUTHENTICATE PLAIN';

/** Sends the lines, each after the answer to the previous one, then logs out or disconnects. */
async function play(port: number, lines: readonly string[], user: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port });
  await client.line();
  for (const line of lines) {
    client.send(line.replace('USER', user));
    await client.linesUntil((answer) => !answer.startsWith('* '));
  }
  if (lines.at(-1) !== HALF) {
    client.send('z LOGOUT');
    await client.linesUntil((answer) => answer.startsWith('z '));
  }
  client.close();
}

/**
 * The text of the last line of that kind, without expected differences: times, sessions, and that ours does not log
 * `secured`.
 */
const words = (log: string): string =>
  (log.match(/Disconnected: [^\n"]*(?=, rip=)/g)?.at(-1) ?? '')
    .replace(/in \d+ secs|waited \d+ secs/, 'N secs')
    .replace(/user=<u\d+>/, 'user=<u>');
const oursLog = (): string => wholeLines(readFileSync(join(house.folders.data, 'log', 'mail.jsonl'), 'utf8'));

it.each<readonly [string, readonly string[]]>([
  ['nothing', []],
  ['a wrong password', [WRONG]],
  ['two wrong passwords', [WRONG, WRONG]],
  ['cancelled AUTHENTICATE', [HALF, '*']],
  ['unfinished AUTHENTICATE', [HALF]],
  ['a response that is not base64', [HALF, '!!!!']],
  ['a response without its parts', [HALF, 'eA==']],
  ['an unknown mechanism', ['a AUTHENTICATE FOO']],
  ['a wrong password, then unfinished AUTHENTICATE', [WRONG, HALF]],
  ['cancelled AUTHENTICATE, then a wrong password', [HALF, '*', WRONG]],
  ['an unknown mechanism, then a wrong password', ['a AUTHENTICATE FOO', WRONG]],
])('%s', async (_title, lines) => {
  const count = (log: string): number => log.split('Disconnected: ').length;
  const [before, theirsBefore] = [count(oursLog()), count(dovecot.said())];
  await Promise.all([play(house.port(143), lines, 'u1'), play(dovecot.port, lines, 'u1')]);
  await until('the lines of both logs', async () => count(oursLog()) > before && count(dovecot.said()) > theirsBefore);
  expect(words(oursLog())).toBe(words(dovecot.said()));
});
