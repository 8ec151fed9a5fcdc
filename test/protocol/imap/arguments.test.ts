import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDateTime, parseDate, parseDateTime } from '../../../src/protocol/imap/date.ts';
import { parseFetchItems } from '../../../src/protocol/imap/fetch.ts';
import { parseFlagList, parseStoreFlags } from '../../../src/protocol/imap/flags.ts';
import { chooseFields } from '../../../src/protocol/imap/header-fields.ts';
import { metadataResponse, parseGetMetadata, parseSetMetadata } from '../../../src/protocol/imap/metadata.ts';
import { Scanner } from '../../../src/protocol/imap/scanner.ts';
import { parseSearch } from '../../../src/protocol/imap/search.ts';
import {
  formatSet,
  inRanges,
  intersectRanges,
  mergeRanges,
  parseSequenceSet,
  resolveSet,
  STAR,
} from '../../../src/protocol/imap/sequence-set.ts';
import { ImapSyntaxError, RefusedArgumentError } from '../../../src/protocol/imap/syntax-error.ts';

function whole<T>(parse: (scanner: Scanner) => T, text: string): T {
  const scanner = new Scanner(text);
  const value = parse(scanner);
  scanner.end();
  return value;
}

describe('sequence sets', () => {
  test.each([
    ['1', [[1, 1]]],
    [
      '1:3,5',
      [
        [1, 3],
        [5, 5],
      ],
    ],
    ['4:1', [[4, 1]]],
    ['*', [[STAR, STAR]]],
    ['9:*', [[9, STAR]]],
    ['1:4294967295', [[1, 4294967295]]],
  ])('%s is parsed', (text, set) => {
    expect(whole(parseSequenceSet, text)).toEqual(set);
  });

  test.each(['', '0', '1:', ':1', '1,,2', '1:0', 'a', '4294967296', '1:2:3', '-1'])('%j is refused', (text) => {
    expect(() => whole(parseSequenceSet, text)).toThrow(ImapSyntaxError);
  });

  test.each([
    ['5:*', 3, [[3, 3]]],
    ['*:2', 4, [[2, 4]]],
    ['1:4294967295', 7, [[1, 7]]],
    ['3,1,2', 9, [[1, 3]]],
    ['5:9,1:6', 8, [[1, 8]]],
    ['*', 0, []],
    ['8', 7, []],
  ])('%s among %d', (text, largest, ranges) => {
    expect(resolveSet(whole(parseSequenceSet, text), largest)).toEqual(ranges);
  });

  test('resolving, joining and limiting agree with sets of numbers', () => {
    const ranges = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
      maxLength: 6,
    });
    const numbers = (set: readonly (readonly [number, number])[], largest: number): number[] =>
      Array.from({ length: largest }, (_, i) => i + 1).filter((n) =>
        set.some(([a, b]) => n >= Math.min(a, b) && n <= Math.max(a, b)),
      );
    fc.assert(
      fc.property(ranges, ranges, fc.integer({ min: 0, max: 25 }), (a, b, largest) => {
        const left = resolveSet(a, largest);
        const right = resolveSet(b, largest);
        expect(numbers(left, largest)).toEqual(numbers(a, largest));
        expect(numbers(intersectRanges(left, right), largest)).toEqual(
          numbers(a, largest).filter((n) => numbers(b, largest).includes(n)),
        );
        for (let n = 1; n <= 30; n += 1) expect(inRanges(left, n)).toBe(numbers(a, largest).includes(n));
        const text = formatSet(numbers(a, largest));
        if (text !== '') expect(mergeRanges(whole(parseSequenceSet, text))).toEqual(left);
      }),
    );
  });
});

describe('dates', () => {
  test.each([
    ['1-Feb-1994', Date.UTC(1994, 1, 1)],
    ['"01-feb-1994"', Date.UTC(1994, 1, 1)],
    ['29-Feb-2024', Date.UTC(2024, 1, 29)],
  ])('%s', (text, time) => {
    expect(whole(parseDate, text)).toBe(time);
  });

  test.each(['29-Feb-2023', '0-Jan-2020', '32-Jan-2020', '1-Foo-2020', '1-Jan-20', 'yesterday'])(
    '%s is refused',
    (text) => {
      expect(() => whole(parseDate, text)).toThrow(ImapSyntaxError);
    },
  );

  test('a date-time has a zone', () => {
    expect(whole(parseDateTime, '"17-Jul-1996 02:44:25 -0700"')).toBe(Date.UTC(1996, 6, 17, 9, 44, 25));
    expect(whole(parseDateTime, '" 7-Jul-1996 02:44:25 +0800"')).toBe(Date.UTC(1996, 6, 6, 18, 44, 25));
    for (const bad of ['"17-Jul-1996"', '"17-Jul-1996 25:00:00 +0000"', '"31-Jun-1996 00:00:00 +0000"'])
      expect(() => whole(parseDateTime, bad)).toThrow(ImapSyntaxError);
  });

  test('a written date is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 4e9 }), (s) => {
        expect(whole(parseDateTime, `"${formatDateTime(s * 1000)}"`)).toBe(s * 1000);
      }),
    );
  });
});

describe('flags', () => {
  test('system flags get their canonical case, keywords stay, duplicates are removed', () => {
    expect(whole(parseFlagList, '(\\seen \\DELETED $Forwarded $forwarded foo)')).toEqual([
      '\\Seen',
      '\\Deleted',
      '$forwarded',
      'foo',
    ]);
    expect(whole(parseFlagList, '()')).toEqual([]);
    expect(whole(parseStoreFlags, '\\Seen \\Flagged')).toEqual(['\\Seen', '\\Flagged']);
  });
  test.each(['(a]b)', '(a*b)', '(%)', `(${'x'.repeat(300)})`])(
    '%s matches the grammar, but cannot be a keyword',
    (text) => {
      expect(() => whole(parseFlagList, text)).toThrow(RefusedArgumentError);
    },
  );
  test.each(['(\\Recent)', '(\\Foo)', '(\\*)', '(a', '(a  b)', '("a")'])('%s is refused', (text) => {
    expect(() => whole(parseFlagList, text)).toThrow(ImapSyntaxError);
  });
});

describe('FETCH attributes', () => {
  const labels = (text: string): string[] =>
    whole(parseFetchItems, text).map((item) => ('column' in item ? item.column : item.label));
  test.each([
    ['FULL', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY']],
    ['all', ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE']],
    ['(UID flags flags)', ['UID', 'FLAGS']],
    ['BODY[]', ['BODY[]']],
    ['BODY.PEEK[HEADER.FIELDS (Date "From")]<10.20>', ['BODY[HEADER.FIELDS (DATE FROM)]<10>']],
    ['body.peek[1.2.mime]', ['BODY[1.2.MIME]']],
    ['(BODY BODYSTRUCTURE BODY[TEXT] RFC822.HEADER)', ['BODY', 'BODYSTRUCTURE', 'BODY[TEXT]', 'RFC822.HEADER']],
  ])('%s', (text, expected) => {
    expect(labels(text)).toEqual(expected);
  });
  test.each([
    '',
    '()',
    'FOO',
    'BODY[',
    'BODY[MIME]',
    'BODY[0]',
    'BODY[1.]',
    'BODY[HEADER.FIELDS]',
    'BODY[HEADER.FIELDS ()]',
    'BODY[]<0.0>',
    'BODY[]<1>',
    '(FLAGS',
    'FLAGS UID',
    '(FULL)',
  ])('%j is refused', (text) => {
    expect(() => labels(text)).toThrow(ImapSyntaxError);
  });
});

describe('header fields', () => {
  const header = 'Received: a\r\n\tb\r\nSubject : x\r\nto: y\r\n z\r\nSubject: again\r\n\r\nbody: no\r\n';
  test('are returned with their folding, in order, followed by an empty line', () => {
    expect(chooseFields(header, new Set(['SUBJECT', 'TO']), false)).toBe(
      'Subject : x\r\nto: y\r\n z\r\nSubject: again\r\n\r\n',
    );
    expect(chooseFields(header, new Set(['SUBJECT', 'TO']), true)).toBe('Received: a\r\n\tb\r\n\r\n');
    expect(chooseFields('', new Set(['SUBJECT']), false)).toBe('\r\n');
  });

  test('a stray CR ends neither a field nor the header', () => {
    const header = 'Subject: x\rTo: y\r\n\rCc: z\r\nDate: d\r\n\r\nTo: body\r\n';
    expect(chooseFields(header, new Set(['TO', 'CC', 'DATE']), false)).toBe('Date: d\r\n\r\n');
    expect(chooseFields(header, new Set(['DATE']), true)).toBe('Subject: x\rTo: y\r\n\rCc: z\r\n\r\n');
  });

  test('invalid lines cost no more than others: a million of them is skipped at once', () => {
    const header = `Subject: x\r\n${'a\r\n'.repeat(1_000_000)}`;
    expect(chooseFields(header, new Set(['SUBJECT']), false)).toBe('Subject: x\r\n\r\n');
  });
});

describe('SEARCH keys', () => {
  test('form a tree', () => {
    expect(whole(parseSearch, 'CHARSET utf-8 OR (UNSEEN FROM "Ab") NOT SUBJECT {3}\r\nX Y 1:*')).toEqual({
      kind: 'and',
      keys: [
        {
          kind: 'or',
          keys: [
            {
              kind: 'and',
              keys: [
                { kind: 'flag', flag: '\\Seen', set: false },
                { kind: 'address', field: 'from', text: 'ab' },
              ],
            },
            { kind: 'not', key: { kind: 'subject', text: 'x y' } },
          ],
        },
        { kind: 'sequence', set: [[1, STAR]] },
      ],
    });
    expect(whole(parseSearch, 'MODSEQ "/flags/\\\\seen" all 620')).toEqual({ kind: 'modseq', from: 620 });
    expect(whole(parseSearch, 'BODY "\xe4\xbd\xa0"')).toEqual({ kind: 'body', text: '你' });
    expect(whole(parseSearch, 'CHARSET GB2312 BODY "\xc4\xe3"')).toEqual({ kind: 'body', text: '你' });
    expect(whole(parseSearch, 'CHARSET ISO-8859-1 SUBJECT {4}\r\nGr\xfc\xdf')).toEqual({
      kind: 'subject',
      text: 'grüß',
    });
  });
  test.each([
    '',
    'FOO',
    'OR ALL',
    'NOT',
    '()',
    '(ALL',
    'SINCE x',
    'ALL)',
    'FROM',
    'HEADER x',
    'OLDER 0',
    'ALLSEEN',
    `${'NOT '.repeat(501)}ALL`,
    `${'('.repeat(5000)}`,
    `(${'ALL '.repeat(1000)}ALL)`,
  ])('%j is refused', (text) => {
    expect(() => whole(parseSearch, text)).toThrow(ImapSyntaxError);
  });
});

test('an unknown charset is refused with the list of supported ones', () => {
  expect(() => whole(parseSearch, 'CHARSET x-none ALL')).toThrow(
    expect.objectContaining({ name: 'RefusedArgumentError', code: 'BADCHARSET (US-ASCII UTF-8)' }),
  );
});

describe('random octets', () => {
  const words = fc.constantFrom(
    '1:*',
    'BODY[',
    ']',
    '<0.1>',
    '(',
    ')',
    ' ',
    'OR',
    'NOT',
    'HEADER',
    '"',
    '\\',
    '{3}\r\n',
    'abc',
    'CHARSET',
    'UTF-8',
    'FLAGS',
    '\\Seen',
    '*',
    ',',
    '\0',
    '\xff',
    '1-Jan-2020',
  );
  test('give a value or an error with a reason, never anything else', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
        for (const parse of [
          parseSequenceSet,
          parseFetchItems,
          parseSearch,
          parseFlagList,
          parseStoreFlags,
          parseDate,
          parseDateTime,
        ]) {
          try {
            whole<unknown>(parse, parts.join(''));
          } catch (error) {
            expect(error instanceof ImapSyntaxError || error instanceof RefusedArgumentError).toBe(true);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('P12: GETMETADATA and SETMETADATA', () => {
  const any = { mailbox: '', entries: ['/shared/comment'], maxSize: Number.POSITIVE_INFINITY, depth: 0 };

  test.each([
    ['"" /shared/comment', any],
    ['{0}\r\n "/Shared/COMMENT"', any],
    ['"" ("/shared/comment" {15}\r\n/shared/comment)', any],
    ['(MAXSIZE 10) "" /shared/comment', { ...any, maxSize: 10 }],
    ['"" (maxsize 10 DEPTH infinity) (/shared/comment)', { ...any, maxSize: 10, depth: Number.POSITIVE_INFINITY }],
    ['(DEPTH 1) inbox (/private /shared)', { ...any, mailbox: 'INBOX', entries: ['/private', '/shared'], depth: 1 }],
  ])('GETMETADATA %s is parsed', (text, wanted) => {
    expect(whole(parseGetMetadata, text)).toEqual(wanted);
  });

  test.each([
    '',
    '""',
    '"" ()',
    '"" comment',
    '"" /other/comment',
    '"" /sharedcomment',
    '"" /shared/',
    '"" /shared//a',
    '"" "/shared/a*"',
    '"" "/shared/%"',
    '"" "/shared/\t"',
    `"" "/shared/${'x'.repeat(1000)}"`,
    `"" (${Array.from({ length: 101 }, (_, i) => `/shared/${i}`).join(' ')})`,
    '(DEPTH 2) "" /shared',
    '(DEPTH) "" /shared',
    '(MAXSIZE -1) "" /shared',
    '(SIZE 1) "" /shared',
  ])('GETMETADATA %j is refused', (text) => {
    expect(() => whole(parseGetMetadata, text)).toThrow(ImapSyntaxError);
  });

  test('SETMETADATA takes strings, literals and NIL; the last value of a name counts', () => {
    expect(
      whole(parseSetMetadata, '"" (/shared/a "x" /private/B {2}\r\n\xc3\xa4 /shared/c NIL /SHARED/a ~{1}\r\ny)'),
    ).toEqual({
      mailbox: '',
      values: new Map([
        ['/shared/a', 'y'],
        ['/private/b', '\xc3\xa4'],
        ['/shared/c', null],
      ]),
    });
    for (const text of [
      '"" /shared/a "x"',
      '"" ()',
      '"" (/shared/a)',
      '"" (/shared/a x)',
      '"" (/shared/a ~"x")',
      '"" (/shared/a {9}\r\nx)',
    ])
      expect(() => whole(parseSetMetadata, text)).toThrow(ImapSyntaxError);
  });

  test('whatever the text is, it is parsed or refused, and what is answered can be parsed', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      ' ',
      '""',
      'INBOX',
      '/shared/a',
      '/private',
      'NIL',
      'MAXSIZE 1',
      'DEPTH 1',
      '"x"',
      '{1}\r\ny',
      '~',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 12 }), (pieces) => {
        for (const parse of [parseGetMetadata, parseSetMetadata]) {
          try {
            const { mailbox } = whole<{ mailbox: string }>(parse, pieces.join(''));
            expect(mailbox).toBeTypeOf('string');
          } catch (error) {
            expect(error instanceof ImapSyntaxError || error instanceof RefusedArgumentError).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
    const values = fc.dictionary(
      fc.stringMatching(/^\/shared\/[a-z" \\]{1,9}$/),
      fc.option(fc.stringMatching(/^[\x01-\xff]{0,9}$/)),
    );
    fc.assert(
      fc.property(values, (given) => {
        if (Object.keys(given).length === 0) return;
        const response = metadataResponse(Object.entries(given));
        expect(Object.fromEntries(whole(parseSetMetadata, response.slice('* METADATA '.length, -2)).values)).toEqual(
          given,
        );
      }),
    );
  });
});
