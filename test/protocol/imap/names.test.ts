import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePattern } from '../../../src/protocol/imap/list-pattern.ts';
import { decodeMailboxName, encodeMailboxName } from '../../../src/protocol/imap/modified-utf7.ts';

describe('modified UTF-7', () => {
  test.each([
    ['INBOX', 'INBOX'],
    ['A&B', 'A&-B'],
    ['&', '&-'],
    ['~peter/mail/台北/日本語', '~peter/mail/&U,BTFw-/&ZeVnLIqe-'],
    ['已发送', '&XfJT0ZAB-'],
    ['😀', '&2D3eAA-'],
  ])('%s is %s on the wire', (name, wire) => {
    expect(encodeMailboxName(name)).toBe(wire);
    expect(decodeMailboxName(wire)).toBe(name);
  });

  test.each(['&', '&AGE-', '&U,BTFw', '&ZeVnLIqe-&ZeVnLIqe-', '&*-', '&A-', 'é', '&2D0-', '&U,BTFx-'])(
    '%s is refused: it is not the canonical encoding of a text',
    (wire) => {
      expect(decodeMailboxName(wire)).toBeNull();
    },
  );

  test('every encoded name is decoded to itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
        expect(decodeMailboxName(encodeMailboxName(name))).toBe(name);
      }),
      { numRuns: 500 },
    );
  });

  test('every decoded name is encoded to the same octets', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'&-,+abAB/09 é'), maxLength: 20 }), (wire) => {
        const name = decodeMailboxName(wire);
        if (name !== null) expect(encodeMailboxName(name)).toBe(wire);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('LIST patterns', () => {
  test.each([
    ['*', 'a/b/c', true],
    ['%', 'a', true],
    ['%', 'a/b', false],
    ['%/%', 'a/b', true],
    ['a*', 'a/b/c', true],
    ['a%', 'a/b', false],
    ['*c', 'a/b/c', true],
    ['%c', 'a/b/c', false],
    ['*%', 'a/b', true],
    ['a/%/c', 'a/b/c', true],
    ['a/%/c', 'a/b/b/c', false],
    ['inbox', 'INBOX', true],
    ['InBox/%', 'INBOX/x', true],
    ['sent', 'Sent', false],
    ['', 'x', false],
    ['a%b*c', 'axbc', true],
    ['a%b*c', 'a/bc', false],
    ['.', 'a', false],
  ])('%s and %s: %s', (pattern, name, fits) => {
    expect(compilePattern(pattern)(name)).toBe(fits);
  });

  test('match the same names as a regular expression', () => {
    const unit = fc.constantFrom('a', 'b', '/', '*', '%');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 8 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 }),
        (pattern, name) => {
          const expected = new RegExp(
            `^${pattern
              .replace(/[*%]*\*[*%]*/g, '*')
              .replaceAll('*', '.*')
              .replace(/%+/g, '[^/]*')}$`,
          ).test(name);
          expect(compilePattern(pattern)(name)).toBe(expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a pattern made to be slow is fast', () => {
    const matches = compilePattern(`${'*a%'.repeat(300)}b`);
    expect(matches('a'.repeat(1000))).toBe(false);
  });
});
