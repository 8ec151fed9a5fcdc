import { describe, expect, test } from 'vitest';
import { compareLevels, parseLevel } from '../../src/config/compatibility-level.ts';
import { choice, number, text, time } from '../../src/config/parameters/row.ts';
import { defaultUnit, parseBoolean, parseNumber, parseTime, valueFault } from '../../src/config/values.ts';

describe('P1: values of main.cf', () => {
  test.each([
    ['300s', 300_000],
    ['5m', 300_000],
    ['4h', 14_400_000],
    ['5d', 432_000_000],
    ['2w', 1_209_600_000],
    ['7', 7000],
    ['1D', 86_400_000],
    ['-1s', undefined],
    ['1.5h', undefined],
    ['5 d', undefined],
    ['', undefined],
    ['1y', undefined],
  ])('the time "%s" is %s ms', (value, ms) => {
    expect(parseTime(value)).toBe(ms);
  });

  test('a number without a unit has the unit of the default', () => {
    expect(parseTime('5', defaultUnit(time('5d', 'doc')))).toBe(432_000_000);
    expect(parseTime('5', defaultUnit(time('${stress?{10}:{300}}s', 'doc')))).toBe(5000);
    expect(parseTime('5', defaultUnit(time('$other', 'doc')))).toBe(5000);
  });

  test('booleans are yes and no in any case, numbers are whole', () => {
    expect([parseBoolean('YES'), parseBoolean('no'), parseBoolean('true')]).toEqual([true, false, undefined]);
    expect([parseNumber('0'), parseNumber('52428800'), parseNumber('-1'), parseNumber('10M'), parseNumber('1e3')]).toEqual([
      0,
      52_428_800,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test.each([
    [number('1', 'doc', { minimum: 1, maximum: 4 }), '0', '"0": expected 1 or more'],
    [number('1', 'doc', { minimum: 1, maximum: 4 }), '5', '"5": expected 4 or less'],
    [number('1', 'doc'), 'many', '"many": expected a whole number'],
    [choice(['', 'may'], '', 'doc'), 'must', '"must": expected one of (empty), may'],
    [text('', 'doc'), 'anything', undefined],
  ])('row %#: a value that does not fit says what was expected', (row, value, fault) => {
    expect(valueFault('name', row, value)).toBe(fault);
  });

  test('compatibility levels are compared number by number', () => {
    expect(compareLevels('3.10', '3.9')).toBeGreaterThan(0);
    expect(compareLevels('3.6', '3.6.0')).toBe(0);
    expect(compareLevels('0', '1')).toBeLessThan(0);
    expect([parseLevel('3.6'), parseLevel('three'), parseLevel('1.2.3.4')]).toEqual([[3, 6, 0], undefined, undefined]);
  });
});
