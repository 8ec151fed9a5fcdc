/** VERP: what the sender of each recipient is, and which delimiters may be. */
import { expect, test } from 'vitest';
import { verpDelimiters, verpSender } from '../../src/mail/verp.ts';

test.each([
  ['list@origin.test', 'user@domain.test', '+=', 'list+user=domain.test@origin.test'],
  ['list@origin.test', 'User@Domain.test', '-=', 'list-User=Domain.test@origin.test'],
  ['list@origin.test', 'user', '+=', 'list+user@origin.test'],
  ['list', 'user@domain.test', '+=', 'list+user=domain.test'],
  ['list@origin.test', '"a b"@domain.test', '+=', '"list+a b=domain.test"@origin.test'],
  ['"the list"@origin.test', '"a@b"@domain.test', '+=', '"the list+a@b=domain.test"@origin.test'],
  ['"a\\"b"@origin.test', 'user@domain.test', '+=', '"a\\"b+user=domain.test"@origin.test'],
  ['', 'user@domain.test', '+=', ''],
])('P11: VERP of %s to %s with %s is %s', (sender, recipient, delimiters, expected) => {
  expect(verpSender(sender, recipient, delimiters)).toBe(expected);
});

test.each([
  ['', '+='],
  ['-=', '-='],
  ['--', '--'],
  ['-', null],
  ['-=+', null],
  ['xx', null],
  ['+x', null],
])('P11: the delimiters %j are %j', (given, expected) => {
  expect(verpDelimiters(given, { defaults: '+=', filter: '-=+' })).toBe(expected);
});

test('P11: default delimiters that the filter does not allow are none', () => {
  expect(verpDelimiters('', { defaults: '#=', filter: '-=+' })).toBeNull();
});
