import { describe, expect, it } from 'vitest';
import { parseCapabilities } from '../../../src/protocol/smtp/capabilities.ts';

const parse = (lines: readonly string[], ignored: readonly string[] = []): unknown => {
  const { extensions, sizeLimit, mechanisms } = parseCapabilities(lines, new Set(ignored));
  return [[...extensions], sizeLimit, mechanisms];
};

describe('the answer to EHLO', () => {
  it.each([
    [
      'the usual',
      ['250-mail.qq.com', '250-PIPELINING', '250-SIZE 1000', '250-AUTH PLAIN LOGIN', '250 8BITMIME'],
      [['PIPELINING', 'SIZE', 'AUTH', '8BITMIME'], 1000, ['PLAIN', 'LOGIN']],
    ],
    [
      'lower case, and an old way to write AUTH',
      ['250-x', '250-size', '250-auth=login', '250 starttls'],
      [['SIZE', 'AUTH', 'STARTTLS'], 0, ['LOGIN']],
    ],
    [
      'AUTH twice, and without mechanisms',
      ['250-x', '250-AUTH PLAIN', '250-AUTH=PLAIN', '250 AUTH'],
      [['AUTH'], 0, ['PLAIN', 'PLAIN']],
    ],
    ['a size that is none', ['250-x', '250 SIZE 99999999999999999999'], [['SIZE'], 0, []]],
    ['the greeting alone', ['250 DSN'], [[], 0, []]],
    ['nonsense', ['250-x', '250-', '250- ', 'what', '250'], [[], 0, []]],
  ] as const)('%s', (_what, lines, expected) => {
    expect(parse(lines)).toEqual(expected);
  });

  it('leaves out what smtp_discard_ehlo_keywords names', () => {
    expect(parse(['250-x', '250-PIPELINING', '250 DSN'], ['pipelining'])).toEqual([['DSN'], 0, []]);
  });
});
