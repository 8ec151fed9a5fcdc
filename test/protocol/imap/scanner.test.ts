import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAstring, formatString } from '../../../src/protocol/imap/format.ts';
import { literalAtEnd, Scanner } from '../../../src/protocol/imap/scanner.ts';
import { ImapSyntaxError } from '../../../src/protocol/imap/syntax-error.ts';

const octets = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});

describe('the scanner', () => {
  test.each([
    ['atom', 'atom'],
    ['a]b', 'a]b'],
    ['"quoted"', 'quoted'],
    ['"with \\"quotes\\" and \\\\"', 'with "quotes" and \\'],
    ['""', ''],
    ['{3}\r\nabc', 'abc'],
    ['{3+}\r\na\r\n', 'a\r\n'],
    ['{0}\r\n', ''],
  ])('reads the astring %j', (text, value) => {
    const scanner = new Scanner(text);
    expect(scanner.astring()).toBe(value);
    expect(scanner.atEnd).toBe(true);
  });

  test.each([
    '',
    '(',
    '"open',
    '"bad \\escape"',
    '{5}\r\nabc',
    '{x}\r\n',
    '{3}abc',
    'é',
    '"nul\0"',
    '{1}\r\n\0',
    '{99999999999999999999}\r\n',
  ])('refuses the astring %j', (text) => {
    expect(() => new Scanner(text).astring()).toThrow(ImapSyntaxError);
  });

  test('strings are read back as written', () => {
    fc.assert(
      fc.property(octets, (text) => {
        expect(new Scanner(formatString(text)).string()).toBe(text);
        expect(new Scanner(formatAstring(text)).astring()).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['A1 SELECT {5}', { size: 5, sync: true, at: 10 }],
    ['A1 SELECT {5+}', { size: 5, sync: false, at: 10 }],
    ['A1 APPEND x {4294967296}', { size: 4294967296, sync: true, at: 12 }],
    ['A1 x {99999999999999999999}', { size: Number.POSITIVE_INFINITY, sync: true, at: 5 }],
    ['A1 NOOP', null],
    ['A1 x }', null],
    ['A1 x {}', null],
    ['A1 x {5-}', null],
  ])('finds the literal announced by %j', (line, literal) => {
    expect(literalAtEnd(line)).toEqual(literal);
  });

  test('lists can be nested 500 deep and no deeper', () => {
    const nest = (scanner: Scanner): unknown =>
      scanner.sees('(') ? scanner.list(() => nest(scanner)) : scanner.atom();
    expect(() => nest(new Scanner(`${'('.repeat(500)}x${')'.repeat(500)}`))).not.toThrow();
    expect(() => nest(new Scanner(`${'('.repeat(501)}x${')'.repeat(501)}`))).toThrow(/deep/);
    expect(() => nest(new Scanner('('.repeat(60_000)))).toThrow(ImapSyntaxError);
  });
});
