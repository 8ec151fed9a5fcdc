import { describe, expect, it } from 'vitest';
import { givenAnswer } from '../../../src/protocol/dns/given-answer.ts';

const QUESTION = { name: 'Who.Example.org.', type: 1, class: 1 };
const shown = (lines: readonly string[]): string[] =>
  givenAnswer(lines, QUESTION).map(({ name, type, ttl, rdatas }) => `${name} ${ttl} ${type} ${rdatas.length}`);

describe('an answer given as lines of a master file', () => {
  it('is grouped by name and type; @ and an owner left out are the name asked about', () => {
    expect(shown(['@ A 192.0.2.1', '  30 IN A 192.0.2.2', 'who.example.ORG. AAAA ::1', 'sub TXT "a b" c'])).toEqual([
      'Who.Example.org. 30 1 2',
      'who.example.ORG. 60 28 1',
      'sub.Who.Example.org. 60 16 1',
    ]);
    expect(shown([])).toEqual([]);
  });

  it.each([
    ['$INCLUDE /etc/passwd', /^the record "\$INCLUDE \/etc\/passwd" is not one line such as "@ 60 A 192\.0\.2\.1"$/],
    ['@ A 192.0.2.1\n@ A 192.0.2.2', /is not one line/],
    ['@ TXT ( "a"', /^the record "@ TXT \( \\"a\\"": /],
    ['@ A 192.0.2', /^the record "@ A 192\.0\.2": /],
    ['', /is not one line/],
    ['@ NOSUCH x', /^the record "@ NOSUCH x": /],
    [7 as never, /^the record "7" is not one line/],
    ['x'.repeat(3000), /is not one line/],
  ])('%s is refused by name', (line, message) => {
    expect(() => givenAnswer(['@ A 192.0.2.9', line], QUESTION)).toThrow(message);
  });

  it('has a limited number of records', () => {
    expect(() => givenAnswer(Array(201).fill('@ A 192.0.2.1'), QUESTION)).toThrow(
      '201 records; at most 200 are allowed',
    );
  });
});
