import { describe, expect, it } from 'vitest';
import { parseCapabilities } from '../../../src/protocol/smtp/capabilities.ts';

const parse = (lines: readonly string[], ignored: readonly string[] = []): unknown => {
  const { extensions, sizeLimit, mechanisms } = parseCapabilities(lines, new Set(ignored));
  return [[...extensions], sizeLimit, mechanisms];
};

describe('the EHLO response', () => {
  it.each([
    [
      'a typical one',
      ['250-mail.qq.com', '250-PIPELINING', '250-SIZE 1000', '250-AUTH PLAIN LOGIN', '250 8BITMIME'],
      [['PIPELINING', 'SIZE', 'AUTH', '8BITMIME'], 1000, ['PLAIN', 'LOGIN']],
    ],
    [
      'lower case, and the old AUTH= form',
      ['250-x', '250-size', '250-auth=login', '250 starttls'],
      [['SIZE', 'AUTH', 'STARTTLS'], 0, ['LOGIN']],
    ],
    [
      'AUTH twice, and without mechanisms',
      ['250-x', '250-AUTH PLAIN', '250-AUTH=PLAIN', '250 AUTH'],
      [['AUTH'], 0, ['PLAIN', 'PLAIN']],
    ],
    ['an invalid size', ['250-x', '250 SIZE 99999999999999999999'], [['SIZE'], 0, []]],
    ['only the greeting', ['250 DSN'], [[], 0, []]],
    ['nonsense', ['250-x', '250-', '250- ', 'what', '250'], [[], 0, []]],
  ] as const)('%s', (_what, lines, expected) => {
    expect(parse(lines)).toEqual(expected);
  });

  it('omits the keywords of smtp_discard_ehlo_keywords', () => {
    expect(parse(['250-x', '250-PIPELINING', '250 DSN'], ['pipelining'])).toEqual([['DSN'], 0, []]);
  });
});
