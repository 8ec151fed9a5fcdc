import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAliasFile as aliasSteps } from '../../src/lookup/alias-file.ts';
import { runSteps } from '../../src/lookup/steps.ts';
import { parseTextTable as textSteps } from '../../src/lookup/text-table.ts';

const parseTextTable = (text: string, file: string) => runSteps(textSteps(text, file));
const parseAliasFile = (text: string, file: string) => runSteps(aliasSteps(text, file));

describe('P5: tables of keys and values', () => {
  test('keys are folded to lower case, the first duplicate wins, lines without a value are ignored', () => {
    // Output of `postmap -s hash:` of Postfix 3.7.
    const { entries, problems } = parseTextTable(
      'a@b.c   OK\n"q key"  v w  x\nKEY Val\nKEY second\nsolo\nx:  y\nname: foo, bar\n',
      'table',
    );
    expect(Object.fromEntries(entries)).toEqual({
      'a@b.c': 'OK',
      '"q key"': 'v w  x',
      key: 'Val',
      'x:': 'y',
      'name:': 'foo, bar',
    });
    expect(problems.map((it) => it.line)).toEqual([4, 5]);
  });

  test('a line ends at a NUL with all that continues it, and one that is not UTF-8 is ignored', () => {
    const { entries, problems } = parseTextTable('a b\0c\n  d\n\0e f\ng\ufffd h\ni j\ufffd\nk l\n', 'table');
    expect(Object.fromEntries(entries)).toEqual({ a: 'b', k: 'l' });
    expect(problems.map((it) => it.line)).toEqual([3, 4, 5]);
  });

  test('supports continuation lines and comments, also between them', () => {
    const { entries } = parseTextTable('# head\nadmin@group.com maomao,\n   xixi,\n# between\n\n   redhat\n', 'table');
    expect(entries.get('admin@group.com')).toBe('maomao,   xixi,   redhat');
  });

  test('a hundred thousand lines take linear time', () => {
    expect(
      parseTextTable(Array.from({ length: 100_000 }, (_, i) => `user${i}@example.com target${i}\n`).join(''), 'table')
        .entries.size,
    ).toBe(100_000);
  });
});

describe('P10: alias files', () => {
  test('name: value, quoted names, values as in the index of postalias', () => {
    // Output of `postalias -s hash:` of Postfix 3.7.
    const { entries, problems } = parseAliasFile(
      'xixi: a, b\n"john smith": c\nxixi: dup\nFoo:Bar\nnocolon value\n\nlist: :include:/etc/list,\n  "|/bin/cmd arg", \\me, /var/file\nempty:\n',
      'aliases',
    );
    expect(Object.fromEntries(entries)).toEqual({
      xixi: 'a, b',
      'john smith': 'c',
      foo: 'Bar',
      list: ':include:/etc/list, "|/bin/cmd arg", me, /var/file',
    });
    expect(problems.map((it) => it.line)).toEqual([3, 5, 9]);
  });

  test('any text is parsed without an exception', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', ':', '"', '\\', ' ', '\n', '#', ',', '\t'), maxLength: 60 }),
        (text) => {
          for (const { entries, problems } of [parseAliasFile(text, 'f'), parseTextTable(text, 'f')]) {
            expect(entries.size + problems.length).toBeLessThanOrEqual(text.split('\n').length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
