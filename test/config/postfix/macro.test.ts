import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expand, MacroError, references } from '../../../src/config/postfix/macro.ts';

const values: Readonly<Record<string, string>> = {
  aa: 'b c d e',
  empty: '',
  bb: '<$aa>',
  level: '3.6',
  circle: '$circle2',
  circle2: '$circle',
};
const raw = (name: string): string | undefined => values[name];

describe('P1: $name expansion', () => {
  // Each result was seen with `postconf -x` of Postfix 3.7.
  test.each([
    ['$aa', 'b c d e'],
    ['${aa}', 'b c d e'],
    ['$(aa)', 'b c d e'],
    ['${aa?x}', 'x'],
    ['${zz?x}', ''],
    ['${zz:y}', 'y'],
    ['${aa:y}', ''],
    ['${aa?{1}:{2}}', '1'],
    ['${zz?{1}:{2}}', '2'],
    ['${zz?{1}}', ''],
    ['${aa?{$bb} : {2}}', '<b c d e>'],
    ['$$aa', '$aa'],
    ['x.$aa.y', 'x.b c d e.y'],
    ['$aa-y', 'b c d e-y'],
    ['${ aa }', 'b c d e'],
    ['${{$aa} == {b c} ? {T} : {F}}', 'F'],
    ['${{1} < {10} ? {T} : {F}}', 'T'],
    ['${{a}<={b}?{T}:{F}}', 'T'],
    ['${{2}>={10}?{T}:{F}}', 'F'],
    ['${{a}!={a}?{T}}', ''],
    ['${{3.10} >level {3.9} ? {T}:{F}}', 'T'],
    ['${{$level} <level {3.6} ? {md5} : {sha256}}', 'sha256'],
    ['${{$level} <level {4} ? {} : {x}}', ''],
    ['${empty?{10}:{300}}s', '300s'],
    ['${a_name_without_value:$bb}', '<b c d e>'],
    ['${zz?{$zz}:{${zz?{yes}:{no}}}}', 'no'],
  ])('%s is "%s"', (text, expected) => {
    expect(expand(text, raw)).toBe(expected);
  });

  test.each(['${aa', '$(aa', '$', '${}', '${aa.b}', '${{a}}', '${{a} == b}', '${{a} ~ {b} ? {c}}', '$circle'])(
    '%s is refused',
    (text) => {
      expect(() => expand(text, raw)).toThrow(MacroError);
    },
  );

  test('values that double each other end in an error instead of filling memory', () => {
    const bomb = (name: string): string | undefined =>
      name === 'a0' ? 'x'.repeat(100) : `$a${Number(name.slice(1)) - 1}`.repeat(10);
    expect(() => expand('$a60', bomb)).toThrow(MacroError);
  });

  test('references returns every name, also of the branch that is not used', () => {
    expect(references('${aa?{$bb}:{$cc}} $dd').sort()).toEqual(['aa', 'bb', 'cc', 'dd']);
  });

  test('any text is expanded or refused', () => {
    const text = fc.string({
      unit: fc.constantFrom('$', '{', '}', '(', ')', '?', ':', 'a', ' ', '=', '<', '!', 'level'),
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, (value) => {
        try {
          expand(value, (name) => (name === 'a' ? 'x' : undefined));
        } catch (error) {
          expect(error).toBeInstanceOf(MacroError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
