import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import v8 from 'node:v8';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { costOf } from '../../src/lookup/pattern-cost.ts';
import { PatternError } from '../../src/lookup/pattern-error.ts';
import { compilePattern } from '../../src/lookup/regular-expression.ts';
import { TableFault, TableUnavailableError } from '../../src/lookup/table-fault.ts';
import { decodeHeaderText } from '../../src/protocol/mime/header-text.ts';
import { openTables } from '../kit/tables.ts';

const path = join(tmpdir(), `posthorn-patterns-${process.pid}`);

afterAll(() => rmSync(path, { force: true }));

/** The answers are those of Postfix 3.7 (`postmap -q`) for the same tables. */
const RULES = `# comment
/^Subject: (.*) offer (.*)$/   REJECT $1-\${2}-$(1) $$5
!/^X-/i   NOTX
/abc/i  never-i-toggles
if /^X-/
/^X-One: (.*)$/  one $1
if !/two/
/^X-/ nottwo
endif
/two|Two/  two
endif
/a b/x dunno
/multi
  line/ cont
`;

describe('P5: regexp and pcre tables', () => {
  test.each([
    ['Subject: big offer now', 'REJECT big-now-big $5'],
    ['subject: BIG offer x', 'REJECT BIG-x-BIG $5'],
    ['X-One: 5', 'one 5'],
    ['X-two', 'two'],
    ['X-TWO', 'two'],
    ['X-three', 'nottwo'],
    ['ABC', 'NOTX'],
    ['Y', 'NOTX'],
  ])('%s is answered with %s', async (key, answer) => {
    writeFileSync(path, RULES);
    const { tables } = openTables();
    expect(await tables.open(`regexp:${path}`).get(key)).toBe(answer);
    expect(await tables.open(`pcre:${path}`).get(key)).toBe(answer);
    expect(tables.open(`pcre:${path}`).wholeKeyOnly).toBe(true);
  });

  test('P9: a table may be part of its name', async () => {
    const { tables } = openTables();
    expect(
      await tables
        .open('pcre:{{/^(friend@(?!my\\.domain$).*)$/ 550 Stick this $1}, {/foo/ yes $$ it}}')
        .get('friend@x.org'),
    ).toBe('550 Stick this friend@x.org');
    expect(await tables.open('regexp:{{/foo/ yes $$ it}}').get('Foo')).toBe('yes $ it');
  });

  test('every wrong line of a file is reported', () => {
    writeFileSync(
      path,
      '/abc x\nfoo bar\n/(/ y\n/a/Q z\nendif\nif /x/\n/ok/ yes\n/o/\n/a/ $1\n/a/ $x\n/(a)/ $1b\n/(a)/ $0\n',
    );
    const { tables } = openTables();
    let fault: unknown;
    try {
      tables.open(`regexp:${path}`);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(TableFault);
    if (fault instanceof TableFault)
      expect([fault.line, ...fault.further.map((it) => it.line)]).toEqual([1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 6]);
  });
});

describe('patterns in JavaScript', () => {
  test.each([
    ['regexp', '^[[:alpha:]]+[0-9]{2,}$', '', 'Ab12', true],
    ['regexp', '[]a]b', '', ']b', true],
    ['regexp', '[^]a]b', '', ']b', false],
    ['regexp', '[a\\]', '', '\\', true],
    ['regexp', '\\<word\\>', '', 'a word b', true],
    ['regexp', '[[:upper:]]x', '', 'ax', true],
    ['regexp', '[[:upper:]]x', 'i', 'ax', false],
    ['regexp', 'a\\(b\\)\\{2\\}+', 'x', 'abb+', true],
    ['regexp', 'a.b', '', 'a\nb', true],
    ['regexp', '^b', '', 'a\nb', false],
    ['regexp', '^b', 'm', 'a\nb', true],
    ['pcre', 'a.b', '', 'a\nb', true],
    ['pcre', 'a.b', 's', 'a\nb', false],
    ['pcre', '(?i)ABC', 'i', 'abc', true],
    ['pcre', 'a(?-i:B)c', '', 'abc', false],
    ['pcre', 'a(?-i:B)C', '', 'aBc', true],
    ['pcre', '\\Qa.b\\E+', '', 'a.bb', true],
    ['pcre', '\\Qa.b\\E+', '', 'axb', false],
    ['pcre', 'a b # c', 'x', 'ab', true],
    ['pcre', '^a{2}$', '', 'aa', true],
    ['pcre', 'a{,2}', '', 'a{,2}', true],
    ['pcre', 'b', 'A', 'ab', false],
    ['pcre', '\\Aa\\z', '', 'a', true],
    ['pcre', '[\\w.-]+@[a-f]', '', 'X.y-z@B', true],
    ['pcre', '(?<year>\\d{4})(?P<m>\\d\\d)', '', '202611', true],
    ['pcre', '(a)\\1', '', 'xaA', false],
    ['pcre', '(?=a)\\x61(?#note)', '', 'a', true],
    ['pcre', '/path', '', '/path', true],
  ] as const)('%s /%s/%s on "%s" is %s', (dialect, pattern, flags, subject, fits) => {
    expect(compilePattern(pattern, flags, dialect).match(subject) !== null).toBe(fits);
  });

  test.each([
    ['(a++)b(c)', 'aabc', ['aabc', 'aa', 'c']],
    ['a++a', 'aaa', null],
    ['(?>a|ab)c', 'abc', null],
    ['(?>(a)b)(c)\\2', 'abcc', ['abcc', 'a', 'c']],
    ['((a)+)++(d)', 'aad', ['aad', 'aa', 'a', 'd']],
    ['(a)(?:b)*+(c)\\2', 'abbcc', ['abbcc', 'a', 'c']],
    ['(é)\\K', 'é', ['é', 'é']],
    ['^..$', 'é', ['é']],
    ['^(.).$', decodeHeaderText('\xff\xfe'), [decodeHeaderText('\xff\xfe'), decodeHeaderText('\xff')]],
    ['\\s', 'à', null],
  ])('pcre /%s/ captures of "%s" %j', (pattern, subject, captured) => {
    expect(compilePattern(pattern, '', 'pcre').match(subject)).toEqual(captured);
  });

  test.each([
    ['^[a-z]{60,}$', false],
    ['^(a+)+$', false],
    ['^(?!foo).*@x$', false],
    ['^(?!.*foo).*@x$', true],
    ['(?:a?){30}a{30}', true],
    ['(a|b)*(?=c)', true],
    ['(a+)+\\1', true],
    ['[*+(]{99}', false],
  ])('/%s/ needs a time limit: %s', (source, slow) => {
    expect(costOf(source).mayRunLong).toBe(slow);
  });

  test.each([
    '(*SKIP)',
    '(?R)',
    '(?|a|b)',
    '\\p{L}',
    '(',
    ')',
    '[a',
    'a\\',
    '[z-a]',
    '[[:nope:]]',
    '*',
    '(?',
    '(a)\\2',
  ])('/%s/ is refused with a reason', (pattern) => {
    expect(() => compilePattern(pattern, '', 'pcre')).toThrow(PatternError);
  });

  test('any pattern is translated or refused', () => {
    const unit = fc.constantFrom(
      'a',
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '*',
      '+',
      '?',
      '\\',
      '^',
      '$',
      '.',
      '|',
      '-',
      ':',
      '1',
      ',',
      'Q',
      'E',
      '#',
      ' ',
      '<',
      '=',
      '!',
    );
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 20 }),
        fc.constantFrom('regexp' as const, 'pcre' as const),
        fc.constantFrom('', 'i', 'x', 'm'),
        (pattern, dialect, flags) => {
          try {
            compilePattern(pattern, flags, dialect);
          } catch (error) {
            expect(error).toBeInstanceOf(PatternError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('a pattern that backtracks without end is finished by the linear engine, case-insensitively', () => {
    v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
    expect(compilePattern('^(a+)+$', '', 'pcre').match(`${'a'.repeat(100)}!`)).toBeNull();
    expect(compilePattern('(x+x+)+y', '', 'regexp').match('X'.repeat(5000))).toBeNull();
  });

  test('one that this engine cannot match counts as no match when its time is over, and is logged with its line', async () => {
    const endless = String.raw`^(a+)+\1$`;
    const key = `${'a'.repeat(50)}!`;
    writeFileSync(path, `/${endless}/ never\nif /${endless}/\n/a/ inside\nendif\n/a/ last\n`);
    const { tables, logged } = openTables();
    expect(await tables.open(`pcre:${path}`).get(key)).toBe('last');
    expect(logged).toEqual([`pcre:${path}, line 1: the pattern takes too long for a key and counts as no match`]);
    writeFileSync(path, `!/${endless}/ never\n`.repeat(4));
    expect(() => openTables().tables.open(`pcre:${path}`).get(key)).toThrow(TableUnavailableError);
  });

  test('a table answers as its patterns do one by one', () => {
    const piece = fc.constantFrom('a', 'b', '.', '.*', '(.*)', '(a|b)', '[ab]+', '^', '$', '?', '|', 'a{2}', '\\b');
    const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('', '', '', '!', 'if '), pattern), { minLength: 1, maxLength: 40 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 8 }), { maxLength: 10 }),
        (wanted, keys) => {
          const rules = wanted.filter(([, text]) => isValid(text));
          const lines = rules.map(([kind, text], i) => `${kind}/${text}/${kind === 'if ' ? '' : ` rule${i}`}`);
          const ends = rules.filter(([kind]) => kind === 'if ').map(() => 'endif');
          if (rules.length === ends.length) return;
          writeFileSync(path, `${[...lines, ...ends].join('\n')}\n`);
          const table = openTables().tables.open(`pcre:${path}`);
          for (const key of keys) {
            // All blocks go on to the end: the first `if` that does not fit ends the search.
            const decides = ([kind, text]: readonly [string, string]): boolean =>
              (compilePattern(text, '', 'pcre').match(key) !== null) === (kind === '');
            const first = rules.findIndex(decides);
            const found = first < 0 || rules[first]?.[0] === 'if ' ? undefined : `rule${first}`;
            expect(table.get(key)).toBe(found);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('for a long key any loop needs the time limit, and a pattern that fits at once is still found', () => {
    const key = 'free'.repeat(2000);
    const loop = '/free.*free.*free.*money/ spam\n';
    writeFileSync(path, `${loop.repeat(40)}/^(free)/ found $1\n`);
    const { tables } = openTables();
    expect(() => tables.open(`pcre:${path}`).get(key)).toThrow(TableUnavailableError);
    writeFileSync(path, `/^(free)/ found $1\n${loop.repeat(40)}`);
    expect(openTables().tables.open(`pcre:${path}`).get(key)).toBe('found free');
  });
});

function isValid(pattern: string): boolean {
  try {
    compilePattern(pattern, '', 'pcre');
    return true;
  } catch {
    return false;
  }
}
