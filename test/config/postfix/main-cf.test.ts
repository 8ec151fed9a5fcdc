import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseMainCf } from '../../../src/config/postfix/main-cf.ts';

const values = (text: string): Record<string, string> =>
  Object.fromEntries([...parseMainCf(text, 'main.cf').settings.values()].map(({ name, value }) => [name, value]));

describe('P1: main.cf', () => {
  test('a line that starts with white space continues the previous one, across comments and empty lines', () => {
    expect(values('aa = b\n  # comment\n\tc\n\n  d\nbb=x\n')).toEqual({ aa: 'b\tc  d', bb: 'x' });
  });

  test('the later setting wins, with a warning that names the earlier line', () => {
    const read = parseMainCf('a = 1\n#\na = 2\n', 'main.cf');
    expect(read.settings.get('a')?.value).toBe('2');
    expect(read.warnings).toEqual([
      { file: 'main.cf', line: 3, parameter: 'a', message: 'overrides the earlier setting of line 1' },
    ]);
  });

  test('an item of a continued value knows its own line', () => {
    const setting = parseMainCf('# one\nlist = a,\n  b,\n# three\n  c\n', 'main.cf').settings.get('list');
    const lineOf = (item: string): number | undefined => setting?.lineOf(setting.value.indexOf(item));
    expect([lineOf('a'), lineOf('b'), lineOf('c')]).toEqual([2, 3, 5]);
  });

  test('values may be empty, hold = and #, and lines may end in CRLF', () => {
    expect(values('a =\r\nb = x=y # no comment\r\nc=1')).toEqual({ a: '', b: 'x=y # no comment', c: '1' });
  });

  test('all wrong lines are reported at once', () => {
    const { faults } = parseMainCf('  begins with white space\nno equals\n= no name\na b = c\nok = 1\n', 'main.cf');
    expect(faults.map((fault) => fault.line)).toEqual([1, 2, 3, 4]);
    expect(faults[0]?.message).toBe(
      'the first line begins with white space: it would continue a line before it, and there is none',
    );
    expect(faults[1]?.message).toBe('missing "=" after "no equals": expected "name = value"');
  });

  test('any text is parsed without an exception', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '=', ' ', '\n', '#', '\t', '\r', '$', '{'), maxLength: 80 }),
        (text) => {
          const { settings, faults } = parseMainCf(text, 'f');
          expect(settings.size + faults.length).toBeLessThanOrEqual(text.split('\n').length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a long file takes linear time', () => {
    const line = 'name = value\n  continued\n';
    expect(parseMainCf(line.repeat(100_000), 'f').settings.get('name')?.value).toBe('value  continued');
    expect(parseMainCf(`a = b\n${' c\n'.repeat(300_000)}`, 'f').settings.get('a')?.value.length).toBeGreaterThan(
      500_000,
    );
  });
});
