/**
 * Python's smtplib, imaplib and poplib, each in a script with everything that a client does; a script fails at an
 * unexpected answer.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { account, DOMAIN, type House, MAIL_HOST, PASSWORD, startInteropHouse } from './house.ts';
import { ran } from './program.ts';

let house: House;
const USERS = ['maomao', 'xixi', 'haha', 'imap-starttls', 'imap-tls', 'pop'];

beforeAll(async () => {
  house = await startInteropHouse({ names: USERS });
});
afterAll(() => house?.stop());

/** Runs one of the scripts in this folder; returns its completed steps. */
async function script(name: string): Promise<string[]> {
  const ports = Object.fromEntries(
    [25, 465, 587, 110, 995, 143, 993].map((wellKnown) => [wellKnown, house.port(wellKnown)]),
  );
  const given = {
    ports,
    certificate: house.certificate,
    domain: DOMAIN,
    host: MAIL_HOST,
    password: PASSWORD,
    users: USERS.map(account),
  };
  const out = await ran('/usr/bin/python3', ['-I', join(import.meta.dirname, `${name}.py`)], {
    input: JSON.stringify(given),
    timeoutMs: 60_000,
  });
  return out.trim().split('\n');
}

it('S1: smtplib sends after STARTTLS and with implicit TLS, to several recipients, in UTF-8, and understands each refusal', async () => {
  expect(await script('smtp')).toEqual([
    'capabilities',
    'submission',
    'submissions',
    'recipients',
    'utf8',
    'refusals',
    'size',
    'verify',
    'thousand lines',
    'long',
  ]);
});

it('D4: imaplib appends, searches, stores, copies, moves, expunges and idles, after STARTTLS and with implicit TLS', async () => {
  const steps = [
    'login',
    'mailboxes',
    'append',
    'search',
    'fetch',
    'store',
    'copy',
    'move',
    'expunge',
    'status',
    'idle',
    'refusals',
    'utf8',
    'quota',
    'logout',
  ];
  expect(await script('imap')).toEqual([...steps, ...steps]);
});

it('D2: poplib lists, retrieves, deletes, resets and quits, after STLS and with implicit TLS', async () => {
  const steps = ['login', 'stat', 'retr', 'top', 'uidl', 'rset', 'dele', 'locked', 'gone', 'refusals', 'utf8'];
  expect(await script('pop')).toEqual([...steps, ...steps]);
});
