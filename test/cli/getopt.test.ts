/** Options as getopt(3) reads them (requirement P4). */
import { describe, expect, it } from 'vitest';
import { getopt } from '../../src/cli/getopt.ts';

describe('getopt', () => {
  it.each([
    ['letters combined', '-ab x', 'ab', ['a', 'b'], ['x']],
    ['a value as the next word', '-q key table', 'q:', ['q=key'], ['table']],
    ['a value that follows at once', '-qkey table', 'q:', ['q=key'], ['table']],
    ['a value behind combined letters', '-sqkey t', 'sq:', ['s', 'q=key'], ['t']],
    ['a value that looks like an option', '-q -x t', 'q:', ['q=-x'], ['t']],
    ['a dash alone is an operand', '-q - -', 'q:', ['q=-'], ['-']],
    ['"--" ends the options', '-a -- -b', 'ab', ['a'], ['-b']],
    ['so does the first operand', '-a t -b', 'ab', ['a'], ['t', '-b']],
    ['a value that may be left out', '-q -q5m x', 'q::', ['q', 'q=5m'], ['x']],
    ['nothing', '', 'a', [], []],
  ])('%s', (_what, line, letters, options, operands) => {
    const read = getopt(line.split(' ').filter(Boolean), letters);
    expect(read.options.map(([letter, value]) => (value === '' ? letter : `${letter}=${value}`))).toEqual(options);
    expect(read.operands).toEqual(operands);
  });

  it.each([
    ['an unknown letter', '-ax', "invalid option -- 'x'"],
    ['a colon', '-:', "invalid option -- ':'"],
    ['a long option', '--nosuch', "invalid option -- '-'"],
    ['a value that is missing', '-q', "option requires an argument -- 'q'"],
  ])('%s is refused in the words of the C library', (_what, line, message) => {
    expect(() => getopt(line.split(' '), 'aq:')).toThrow(message);
  });
});
