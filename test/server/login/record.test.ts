/**
 * What the log records when a session ends without a login, compared with the lines of Dovecot 2.3.19 (its imap-login,
 * collected by hand).
 */
import { expect, it } from 'vitest';
import type { LineConnection } from '../../../src/net/connection.ts';
import { NO_CERTIFICATES } from '../../../src/server/login/client-certificates.ts';
import { LoginRecord } from '../../../src/server/login/record.ts';
import { recordLog } from '../../kit/log.ts';

type Act = (record: LoginRecord, now: number) => void;
const WRONG: Act = (record, now) => {
  record.begin('PLAIN', now);
  record.named('u');
  record.failed();
};
const BUSY: Act = (record, now) => {
  record.begin('PLAIN', now);
  record.named('u');
  record.failed('unavailable');
};
const CHECKED: Act = (record, now) => {
  record.begin('PLAIN', now);
  record.named('u');
};
const HALF: Act = (record, now) => record.begin('PLAIN', now);
const MALFORMED: Act = (record, now) => {
  record.begin('PLAIN', now);
  record.failed();
};
const NO_MECHANISM: Act = (record, now) => {
  record.begin('FOO', now);
  record.refused('unsupported');
};
const CLEAR: Act = (record) => record.refused('plaintext');

it.each<readonly [string, readonly Act[], string]>([
  ['nothing', [], ' (no auth attempts in 9 secs): user=<>,'],
  ['one wrong password', [WRONG], ' (auth failed, 1 attempts in 8 secs): user=<u>, method=PLAIN,'],
  ['two wrong passwords', [WRONG, WRONG], ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,'],
  ['a throttled login', [BUSY], ' (auth service reported temporary failure): user=<u>, method=PLAIN,'],
  [
    'a wrong password, then a throttled login',
    [WRONG, BUSY],
    ' (auth service reported temporary failure): user=<u>, method=PLAIN,',
  ],
  [
    'a throttled login, then a wrong password',
    [BUSY, WRONG],
    ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,',
  ],
  [
    'disconnected while the password is checked',
    [CHECKED],
    ' (disconnected while authenticating, waited 8 secs): user=<u>, method=PLAIN,',
  ],
  [
    'disconnected while the second password is checked',
    [WRONG, CHECKED],
    ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,',
  ],
  ['unfinished AUTHENTICATE', [HALF], " (client didn't finish SASL auth, waited 8 secs): user=<>, method=PLAIN,"],
  [
    'a wrong password, then unfinished AUTHENTICATE',
    [WRONG, HALF],
    ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,',
  ],
  [
    'unfinished AUTHENTICATE, then a wrong password',
    [HALF, WRONG],
    ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,',
  ],
  ['an invalid response', [MALFORMED], ' (auth failed, 1 attempts in 8 secs): user=<>, method=PLAIN,'],
  ['an unknown mechanism', [NO_MECHANISM], ' (tried to use unsupported auth mechanism): user=<>, method=FOO,'],
  [
    'an unknown mechanism, then a wrong password',
    [NO_MECHANISM, WRONG],
    ' (auth failed, 2 attempts in 8 secs): user=<u>, method=PLAIN,',
  ],
  ['a password in clear text', [CLEAR], ' (tried to use disallowed plaintext auth): user=<>,'],
])('%s', (_title, acts, expected) => {
  const { log, lines } = recordLog(({ level, message }) => (level === 'info' ? message : null));
  const ends = {
    remote: { ip: '192.0.2.1', port: 1 },
    local: { ip: '192.0.2.2', port: 143 },
    tls: null,
    id: 'x',
  } as unknown as LineConnection;
  const record = new LoginRecord(ends, { loginLog: log, certificates: NO_CERTIFICATES, clock: () => 0 });
  for (const [i, act] of acts.entries()) act(record, 1000 + i);
  record.ended('Connection closed', 9000);
  expect(lines).toEqual([`Disconnected: Connection closed${expected} rip=192.0.2.1, lip=192.0.2.2, session=<x>`]);
});
