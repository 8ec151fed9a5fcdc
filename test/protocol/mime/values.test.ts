import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGroup, parseAddressList } from '../../../src/protocol/mime/address-list.ts';
import { parseDate } from '../../../src/protocol/mime/date.ts';
import { decodeWords } from '../../../src/protocol/mime/encoded-word.ts';
import { parseHeader } from '../../../src/protocol/mime/header.ts';
import { LineEndFilter, type LineEndOptions } from '../../../src/protocol/mime/line-end.ts';
import { parseParameterized } from '../../../src/protocol/mime/parameters.ts';

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('header', () => {
  const parse = (text: string) => parseHeader(Buffer.from(text, 'latin1'));

  it('returns fields as written and values unfolded', () => {
    const header = parse('From: a@b\r\nSUBJECT:\r\n one\r\n\ttwo \r\nfrom: c@d\r\n\r\nBody: x\r\n');
    expect(header.fields.map(({ name }) => name)).toEqual(['From', 'SUBJECT', 'from']);
    expect(header.fields[1]?.value).toBe('\r\n one\r\n\ttwo ');
    expect(header.get('subject')).toBe('one\ttwo');
    expect(header.all('FROM')).toEqual(['a@b', 'c@d']);
    expect(header.get('body')).toBeNull();
  });

  it('is empty if the first line is not a field, and skips faulty lines elsewhere', () => {
    expect(parse('test mail\r\nTo: x\r\n').fields).toEqual([]);
    expect(
      parse('To: x\r\nno field\r\n with more\r\n: none\r\nCc : y\r\n').fields.map(({ name, value }) => [name, value]),
    ).toEqual([
      ['To', ' x'],
      ['Cc', ' y'],
    ]);
  });

  it('does not treat the last octet of a UTF-8 character as white space', () => {
    expect(parse(`Subject: ${latin1('à')}\r\n`).get('subject')).toBe('à');
  });
});

describe('address lists', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['a@b', ['a@b']],
    ['A <a@b>, "B, b" <c@d>', ['a@b', 'c@d']],
    ['Friends: a@b, C <c@d>;, e@f', ['a@b', 'c@d', 'e@f']],
    ['undisclosed:;', []],
    ['<@x,@y:a@b>', ['a@b']],
    ['a (comment (nested \\) )) @ b . c', ['a@b.c']],
    ['"quoted \\"local"@b', ['quoted "local@b']],
    ['a@[IPv6:::1]', ['a@[IPv6:::1]']],
    ['"unterminated <a@b>', []],
    ['a@b c@d, e@f', ['a@b', 'e@f']],
    [',,,', []],
    ['', []],
  ];
  for (const [text, expected] of cases) {
    it(`finds ${expected.length} in ${text === '' ? 'nothing' : text}`, () => {
      const all = parseAddressList(text).flatMap((entry) => (isGroup(entry) ? entry.members : [entry]));
      const whole = all.filter(({ local, domain }) => local !== '' && domain !== '');
      expect(whole.map(({ local, domain }) => `${local}@${domain}`)).toEqual(expected);
    });
  }

  it('keep names, comments as names, and groups', () => {
    const [joe, sue, friends] = parseAddressList('"Joe \\"Q\\"" <j@x>, s@x (Sue), Friends: a@b;');
    expect(joe).toMatchObject({ name: 'Joe "Q"' });
    expect(sue).toMatchObject({ name: 'Sue' });
    expect(friends !== undefined && isGroup(friends) && friends.group).toBe('Friends');
  });

  it('never throw and always end', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('"', '\\', '(', ')', '<', '>', '@', ',', ';', ':', '[', ']', '.', ' ', 'a', '\r\n', '\xff'),
        ),
        (list) => void parseAddressList(list.join('')),
      ),
    );
    for (const hostile of ['<@,', '"', '(', '"\\', 'a@', '@@', '<', '[', '\\', ':'])
      parseAddressList(hostile.repeat(200_000));
  });
});

describe('encoded-words', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['=?utf-8?Q?caf=C3=A9_au_lait?=', 'café au lait'],
    ['=?UTF-8?B?5L2g5aW9?= =?utf-8?b?77yM?=\r\n =?utf-8?q?x?=', '你好，x'],
    ['a =?utf-8?q?b?= c', 'a b c'],
    ['=?utf-8?B?5L0=?= =?utf-8?B?oA==?=', '你'],
    ['=?gb18030?B?xOO6ww==?=', '你好'],
    ['=?gb2312*zh?B?xOO6ww==?=', '你好'],
    ['=?big5?B?p0GmbqFB?=', '你好，'],
    ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本'],
    ['=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=', 'Привет'],
    ['=?windows-1251?Q?=CF=F0?=', 'Пр'],
    ['=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=', 'üü'],
    ['=?no-such-charset?Q?=FC?=', 'ü'],
    ['=?utf-8?Q?broken', '=?utf-8?Q?broken'],
    ['=?utf-8?X?abc?=', '=?utf-8?X?abc?='],
    [latin1('rohes ü'), 'rohes ü'],
    ['roh \xfc', 'roh ü'],
  ];
  for (const [text, expected] of cases)
    it(`reads ${JSON.stringify(text)} as ${expected}`, () => expect(decodeWords(text)).toBe(expected));

  it('take linear time if they never end', () => {
    decodeWords('=?x?q?'.repeat(200_000));
    expect(decodeWords('=?x?q?a?=b'.repeat(100_000))).toMatch(/^(?:ab){5000}=\?x/);
    decodeWords(`=?utf-8?q?${'='.repeat(500_000)}?=`);
  });
});

describe('parameters (RFC 2231)', () => {
  const cases: readonly (readonly [string, string, readonly (readonly [string, string])[]])[] = [
    [
      'Text/Plain; Charset="UTF-8"; format=flowed',
      'text/plain',
      [
        ['charset', 'UTF-8'],
        ['format', 'flowed'],
      ],
    ],
    [
      'a/b; x="a\\"b;c"; y = z (comment)',
      'a/b',
      [
        ['x', 'a"b;c'],
        ['y', 'z'],
      ],
    ],
    ["a/b; name*0*=utf-8'de'%C3%BC; name*1=b; name*2*=%65r", 'a/b', [['name', 'über']]],
    ["a/b; name=plain; name*=utf-8''%e4%bd%a0", 'a/b', [['name', '你']]],
    ['a/b; name*1=second; name*0=first', 'a/b', [['name', 'firstsecond']]],
    ["a/b; name*=gb18030''%C4%E3", 'a/b', [['name', '你']]],
    ['a/b; ; =x; y; z=', 'a/b', [['z', '']]],
    ['a / b ;x=y', 'a/b', [['x', 'y']]],
    [latin1('a/b; name="ü"'), 'a/b', [['name', 'ü']]],
  ];
  for (const [text, value, parameters] of cases)
    it(`reads ${text}`, () => expect(parseParameterized(text)).toEqual({ value, parameters }));

  it('never throw and always end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('"', '\\', '(', ')', ';', '=', '*', '0', "'", '%', 'F', ' ', 'a', '\xff')),
        (list) => void parseParameterized(`a/b;${list.join('')}`),
      ),
    );
    for (const hostile of [';a=', ';', '"', '(', '\\', ';a*0*=', '=']) parseParameterized(hostile.repeat(200_000));
  });
});

describe('dates', () => {
  const at = Date.UTC(2026, 10, 20, 2, 0, 0);
  const ten = Date.UTC(2026, 10, 20, 10, 0, 0);
  const cases: readonly (readonly [string, number | null])[] = [
    ['Fri, 20 Nov 2026 10:00:00 +0800', ten],
    ['Fri, 20 Nov 2026 10:00:00 +0800 (CST)', ten],
    ['20 Nov 26 02:00 GMT', at],
    ['Fri, 20 Nov 2026 02:00:00 EST', at],
    ['Fri, 20 Nov 2026 10:00:00 -1130', ten],
    ['Fri, 20 Nov 126 02:00:00 Z', at],
    ['Fri(a), 20 (b) Nov 2026 02 : 00 : 00 -0000', at],
    ['Fri Nov 20 02:00:00 2026', at],
    ['Fri, 20 Nov 2026 02:00:00', at],
    ['Fri, 20-Nov-2026 02:00:00 UT', at],
    ['Sat, 31 Dec 2016 23:59:60 +0000', Date.UTC(2017, 0, 1)],
    ['31 Feb 2026 00:00:00 +0000', null],
    ['20 Foo 2026 00:00:00 +0000', null],
    ['20 Nov 2026 25:00:00 +0000', null],
    ['yesterday', null],
    ['', null],
  ];
  for (const [text, expected] of cases)
    it(`reads ${JSON.stringify(text)}`, () => expect(parseDate(text)).toBe(expected));
});

describe('line ends', () => {
  const filter = (chunks: readonly string[], options: LineEndOptions = { strayCr: 'space' }): string => {
    const f = new LineEndFilter(options);
    return Buffer.concat([
      ...chunks.map((chunk) => Buffer.from(f.push(Buffer.from(chunk, 'latin1')))),
      f.end(),
    ]).toString('latin1');
  };

  it('become CRLF, and a CR that ends no line becomes a space or stays: it never ends a line', () => {
    const text = 'a\nb\rc\r\nd\r\r\n\n\re\r';
    expect(filter([text])).toBe('a\r\nb c\r\nd \r\n\r\n e ');
    expect(filter([text], { strayCr: 'keep' })).toBe('a\r\nb\rc\r\nd\r\r\n\r\n\re\r');
    expect(filter([text], { strayCr: 'space', foldCrs: true })).toBe('a\r\nb c\r\nd\r\n\r\n e ');
    expect(filter(['a\r', '\nb\r', 'c\r'])).toBe('a\r\nb c ');
  });

  it('complete the last line too if requested', () => {
    for (const [text, whole] of [
      ['a', 'a\r\n'],
      ['a\r', 'a \r\n'],
      ['a\n', 'a\r\n'],
      ['a\r\n', 'a\r\n'],
      ['', ''],
    ] as const) {
      expect(filter([text], { strayCr: 'space', endLastLine: true })).toBe(whole);
      expect(filter([...text], { strayCr: 'space', endLastLine: true })).toBe(whole);
    }
  });

  it('take linear time in a long run of CRs', () => {
    const run = '\r'.repeat(1_000_000);
    for (const options of [
      { strayCr: 'space' },
      { strayCr: 'keep', foldCrs: true },
      { strayCr: 'space', foldCrs: true },
    ] as const) {
      expect(filter([run, 'x', run, '\n'], options).length).toBeGreaterThan(1_000_000);
    }
  });

  it('are passed on without a copy if they are correct', () => {
    const chunk = Buffer.from('a\r\nb\r\n');
    expect(new LineEndFilter({ strayCr: 'space' }).push(chunk).buffer).toBe(chunk.buffer);
  });

  it('are the same however the octets are split', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\r', '\n', 'a', '\r\n', '\xff')),
        fc.integer({ min: 1, max: 4 }),
        (list, cut) => {
          const text = list.join('');
          const chunks = Array.from({ length: Math.ceil(text.length / cut) }, (_, i) =>
            text.slice(i * cut, (i + 1) * cut),
          );
          const lines = (crs: RegExp, stray: string): string =>
            text.replace(crs, '\n').replace(/\r/g, stray).replace(/\n/g, '\r\n');
          for (const [stray, strayCr] of [
            [' ', 'space'],
            ['\r', 'keep'],
          ] as const) {
            for (const way of [chunks, [text]]) {
              expect(filter(way, { strayCr })).toBe(lines(/\r\n/g, stray));
              expect(filter(way, { strayCr, foldCrs: true })).toBe(lines(/\r+\n/g, stray));
            }
          }
        },
      ),
    );
  });
});
