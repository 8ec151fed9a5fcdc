import { describe, expect, it } from 'vitest';
import { isStsHost, parseStsPolicy, stsId } from '../../src/protocol/mta-sts.ts';

describe('T1: MTA-STS, as RFC 8461 has it', () => {
  it.each<[readonly string[], string | null]>([
    [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    [['v=spf1 -all', 'v=STSv1 ;id = abc ; more=x'], 'abc'],
    [['v=STSv1; more=1; id=abc'], 'abc'],
    [['v=STSv1; id=abc;', 'v=STSv1; id=def;'], null],
    [['v=STSv1'], null],
    [['v=STSv1; id='], null],
    [['v=STSv1; id=a-b'], null],
    [[`v=STSv1; id=${'a'.repeat(33)}`], null],
    [['id=abc; v=STSv1'], null],
    [['v=STSv10; id=abc'], null],
    [[`v=STSv1; id=abc; x=${'y'.repeat(2_000)}`], null],
    [[], null],
  ])('the record %j has the id %j', (texts, id) => expect(stsId(texts)).toBe(id));

  it.each([
    [
      'version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n',
      { mode: 'enforce', mx: ['mail.example.com', '*.example.net'], maxAge: 604_800 },
    ],
    ['max_age:1\nmx:A.example.\nmode:testing\nversion:STSv1', { mode: 'testing', mx: ['a.example'], maxAge: 1 }],
    ['version: STSv1\nmode: none\nmax_age: 0\nmode: enforce\nx-more: y: z\n', { mode: 'none', mx: [], maxAge: 0 }],
    ['version: STSv1\nmode: none\nmax_age: 9999999999\n', { mode: 'none', mx: [], maxAge: 31_557_600 }],
  ])('the policy %j is read', (text, policy) => expect(parseStsPolicy(text)).toEqual(policy));

  it.each([
    ['', 'its version is not STSv1'],
    ['version: STSv2\nmode: none\nmax_age: 1', 'its version is not STSv1'],
    ['version: STSv1\nmode: force\nmax_age: 1', 'its mode is not enforce, testing or none'],
    ['version: STSv1\nmode: none\nmax_age: soon', 'its max_age is no number of seconds'],
    ['version: STSv1\nmode: enforce\nmax_age: 1', 'its mx lines are not names of hosts'],
    ['version: STSv1\nmode: enforce\nmax_age: 1\nmx: *', 'its mx lines are not names of hosts'],
    ['version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.*.example', 'its mx lines are not names of hosts'],
    [
      `version: STSv1\nmode: enforce\nmax_age: 1\n${'mx: a.example\n'.repeat(101)}`,
      'its mx lines are not names of hosts',
    ],
    ['<html>', 'its version is not STSv1'],
  ])('the policy %j is refused', (text, message) => expect(() => parseStsPolicy(text)).toThrow(message));

  it.each([
    ['Mail.Example.com', true],
    ['mx.example.net', true],
    ['a.mx.example.net', false],
    ['example.net', false],
    ['mail.example.com.evil.test', false],
    ['localhost', false],
  ])('of mail.example.com and *.example.net, %s is one: %s', (host, isOne) =>
    expect(isStsHost(host, { mx: ['mail.example.com', '*.example.net'] })).toBe(isOne),
  );
});
