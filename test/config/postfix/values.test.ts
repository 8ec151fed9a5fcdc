import { describe, expect, test } from 'vitest';
import { compareLevels, parseLevel } from '../../../src/config/postfix/compatibility-level.ts';
import {
  account,
  address,
  choice,
  domains,
  feedback,
  heloname,
  hostname,
  interfaces,
  ipv4,
  ipv6,
  networks,
  nexthop,
  number,
  port,
  server,
  text,
  time,
  transport,
  transports,
  word,
  words,
} from '../../../src/config/postfix/parameters/row.ts';
import { parameterRow, parameterTable } from '../../../src/config/postfix/parameters.ts';
import {
  cutRemarks,
  defaultUnit,
  itemFault,
  parseBoolean,
  parseNumber,
  parseTime,
  valueFault,
} from '../../../src/config/postfix/values.ts';

describe('P1: values of main.cf', () => {
  test.each([
    ['300s', 300_000],
    ['5m', 300_000],
    ['4h', 14_400_000],
    ['5d', 432_000_000],
    ['2w', 1_209_600_000],
    ['7', 7000],
    ['1D', 86_400_000],
    ['-1s', null],
    ['1.5h', null],
    ['5 d', null],
    ['', null],
    ['1y', null],
  ])('the time "%s" is %s ms', (value, ms) => {
    expect(parseTime(value)).toBe(ms);
  });

  test('a number without a unit has the unit of the default', () => {
    expect(parseTime('5', defaultUnit(time('5d', 'doc')))).toBe(432_000_000);
    expect(parseTime('5', defaultUnit(time('${stress?{10}:{300}}s', 'doc')))).toBe(5000);
    expect(parseTime('5', defaultUnit(time('$other', 'doc')))).toBe(5000);
  });

  test('booleans are yes and no in any case, numbers are whole', () => {
    expect([parseBoolean('YES'), parseBoolean('no'), parseBoolean('true')]).toEqual([true, false, null]);
    expect([
      parseNumber('0'),
      parseNumber('52428800'),
      parseNumber('-1'),
      parseNumber('10M'),
      parseNumber('1e3'),
    ]).toEqual([0, 52_428_800, null, null, null]);
  });

  test.each([
    [number('1', 'doc', { minimum: 1, maximum: 4 }), '0', '"0": expected 1 or more'],
    [number('1', 'doc', { minimum: 1, maximum: 4 }), '5', '"5": expected 4 or less'],
    [number('1', 'doc'), 'many', '"many": expected a whole number'],
    [choice(['', 'may'], '', 'doc'), 'must', '"must": expected one of (empty), may'],
    [text('', 'doc'), 'anything', undefined],
  ])('row %#: an invalid value is reported with what was expected', (row, value, fault) => {
    expect(valueFault(row, value)).toBe(fault);
  });

  test.each([
    [
      hostname('x', 'doc'),
      ['mail.example.com', 'localhost', 'a_b.example', 'münchen.example'],
      ['', 'a b', 'a..b', '.a', 'a.', '-a.b', '1.2.3.4', 'a,b', 'x'.repeat(64)],
    ],
    [heloname('x', 'doc'), ['mail.example.com', '[192.0.2.1]', '[IPv6:2001:db8::1]'], ['', '[x]', 'a b']],
    [
      nexthop('', 'doc'),
      [
        '',
        'example.com',
        '[mail.example.com]',
        '[192.0.2.1]:587',
        'mail.example.com:submission',
        '[::1]:25',
        '192.0.2.1',
      ],
      ['[mail.example.com', 'mail]', 'a:b:c', 'smtp:[a]:25', 'a:99999', 'a b', '[a]x', ':25'],
    ],
    [
      transport('smtp', 'doc'),
      [
        'smtp',
        'smtp:',
        'relay:[mail.example.com]:587',
        'lmtp:unix:/var/run/lmtp',
        'lmtp:inet:127.0.0.1:24',
        'error:no mail # here',
        'mailman:a/b',
      ],
      ['', 'smtp relay', ':x', 'smtp:[mail', 'a/b'],
    ],
    [
      server('', 'doc'),
      ['', '127.0.0.1:10025', 'inet:localhost:10025', 'unix:/run/x', ':10026', '[::1]:25'],
      ['localhost', 'a b:25'],
    ],
    [
      address('postmaster', 'doc'),
      ['postmaster', 'a@example.com', '"a b"@example.com', 'MAILER-DAEMON'],
      ['', 'a b', 'a@b, c@d', '<a@b>', 'a@b@c'],
    ],
    [ipv4('', 'doc'), ['', '192.0.2.1'], ['::1', '192.0.2', 'localhost']],
    [ipv6('', 'doc'), ['', '2001:db8::1', '[::1]'], ['192.0.2.1', 'x']],
    [account('postfix', 'doc'), ['postfix', '_mail', 'www-data'], ['', 'a b', '0', 'a:b']],
    [port('smtp', 'doc'), ['smtp', '24', 'submission'], ['', 'nosuch', '70000', '2 5']],
    [feedback('1', 'doc'), ['1', '0.5', '1/4', '1/concurrency', '1 / sqrt_concurrency'], ['', 'fast', '1/', '-1']],
    [word('', 'doc'), ['', '<>', '/a/b'], ['a b']],
  ])('row %#: values of this form are accepted, others are not', (row, good, bad) => {
    expect(good.filter((value) => valueFault(row, value) !== undefined)).toEqual([]);
    expect(bad.filter((value) => valueFault(row, value) === undefined)).toEqual([]);
  });

  test.each([
    [
      domains('', 'doc'),
      ['example.com', '.example.com', '!a.example', '/etc/domains', '[192.0.2.1]', '10.0.0.0/8', 'münchen.example'],
      ['*', '#', 'a@b', '*.example.com', 'a;b'],
    ],
    [
      networks('', 'doc'),
      ['127.0.0.0/8', '[::1]/128', '!10.1.2.3', 'host.example.com', '.example.com', '/etc/networks'],
      ['#', 'a;b', 'a@b'],
    ],
    [
      interfaces('', 'doc'),
      ['all', 'loopback-only', 'localhost', '127.0.0.1', '[::1]', '::1', 'mail.example.com'],
      ['#', '*', '127.0.0.1:25', '[x]', '300.1.1.1', '127.1', '25'],
    ],
    [transports('', 'doc'), ['smtp', 'my-relay'], ['smtp:x']],
    [words(['a', 'b'], '', 'doc'), ['a', 'b'], ['c', 'A']],
  ])('row %#: items of this form are accepted, others are not', (row, good, bad) => {
    expect(good.filter((item) => itemFault(row, item) !== undefined)).toEqual([]);
    expect(bad.filter((item) => itemFault(row, item) === undefined)).toEqual([]);
  });

  test('an empty value is valid if the default is empty, and where Postfix allows it', () => {
    const nothing = (name: string): string | undefined => {
      const row = parameterRow(name);
      return row === undefined ? 'no such row' : valueFault(row, '');
    };
    for (const name of [
      'relayhost',
      'always_bcc',
      'content_filter',
      'address_verify_sender',
      'address_verify_relayhost',
    ])
      expect(nothing(name)).toBeUndefined();
    for (const name of ['myhostname', 'mydomain', 'myorigin', 'local_transport', 'mail_owner', 'smtp_helo_name'])
      expect(nothing(name)).toBeTypeOf('string');
  });

  test('every default is valid for its own row', () => {
    const plain = [...parameterTable].filter(([, row]) => !row.default.includes('$') && row.empty !== false);
    expect(plain.filter(([, row]) => valueFault(row, row.default) !== undefined).map(([name]) => name)).toEqual([]);
    const items = plain.flatMap(([name, row]) => row.default.split(/[\s,]+/).map((item) => [name, row, item] as const));
    expect(
      items.filter(([, row, item]) => item !== '' && itemFault(row, item) !== undefined).map(([name]) => name),
    ).toEqual([]);
  });

  test('a trailing comment is found on its line, outside of braces, if the type allows none', () => {
    const cut = (name: string, value: string, lines: readonly number[] = [value.length]) => {
      const row = parameterRow(name);
      if (row === undefined) throw new Error(name);
      const { value: rest, remarks } = cutRemarks(row, value, (offset) => lines.findIndex((end) => offset < end) + 1);
      return [rest, remarks.map((remark) => remark.offset)];
    };
    expect(cut('mydomain', 'example.com # ours')).toEqual(['example.com', [12]]);
    expect(cut('mydestination', 'a, # one b  # two c # x', [9, 17, 30])).toEqual(['a,       b        c', [3, 12, 20]]);
    expect(cut('mydestination', '# a    b', [4, 8])).toEqual(['       b', [0]]);
    expect(cut('data_directory', '/var/a#b')).toEqual(['/var/a#b', []]);
    expect(cut('smtpd_banner', 'ESMTP # one')).toEqual(['ESMTP # one', []]);
    expect(cut('default_transport', 'error:see ticket # 12')).toEqual(['error:see ticket # 12', []]);
    expect(cut('smtpd_client_restrictions', 'check_client_access inline:{ {a=REJECT # x} }')).toEqual([
      'check_client_access inline:{ {a=REJECT # x} }',
      [],
    ]);
  });

  test('compatibility levels are compared number by number', () => {
    expect(compareLevels('3.10', '3.9')).toBeGreaterThan(0);
    expect(compareLevels('3.6', '3.6.0')).toBe(0);
    expect(compareLevels('0', '1')).toBeLessThan(0);
    expect([parseLevel('3.6'), parseLevel('three'), parseLevel('1.2.3.4')]).toEqual([[3, 6, 0], null, null]);
  });
});
