import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddressLiteral, parseMailbox, parsePath } from '../../../src/protocol/smtp/path.ts';

const lenient = (text: string): string | undefined => parsePath(text, false)?.address;
const strict = (text: string): string | undefined => parsePath(text, true)?.address;

describe('paths (RFC 5321 section 4.1.2)', () => {
  it.each([
    ['<a@b.example>', 'a@b.example'],
    ['<>', ''],
    [' <a@b>', 'a@b'],
    ['a@b', 'a@b'],
    ['<postmaster>', 'postmaster'],
    ['<@x,@y.example:a@b>', 'a@b'],
    ['<"a"@b>', 'a@b'],
    ['<"a b"@c>', '"a b"@c'],
    ['<"a\\"b\\\\"@c>', '"a\\"b\\\\"@c'],
    ['<"a@x"@b>', '"a@x"@b'],
    ['<"a>b"@c>', '"a>b"@c'],
    ['<a..b@c>', 'a..b@c'],
    ['<a@b.>', 'a@b'],
    ['<a@[127.0.0.1]>', 'a@[127.0.0.1]'],
    ['<a@[IPv6:::1]>', 'a@[IPv6:::1]'],
    ['<user+x=y/z@b-c.d_e.example>', 'user+x=y/z@b-c.d_e.example'],
    ['<用户@例子.中国>', '用户@例子.中国'],
  ])('accepts %s', (text, address) => {
    expect(lenient(text)).toBe(address);
  });

  it.each([
    '<a@b',
    '<a b@c>',
    '<a@b c>',
    '<a@b>>',
    'a@b>',
    '<<a@b>>',
    '<a@>',
    '<@b>',
    '<@x:>x',
    '<a@-b>',
    '<a@b..c>',
    '<a@[1.2.3]>',
    '<a@[1.2.3.4>',
    '<a@b@c>',
    '<"a@b>',
    '<"a"b@c>',
    '<"\x01"@c>',
    '<a\x00@b>',
    '<a,b@c>',
    '<a@b\x7f>',
    `<a@${'x'.repeat(64)}.example>`,
    `<${'x'.repeat(250)}@b.example>`,
    '',
  ])('refuses %s', (text) => {
    expect(lenient(text)).toBeUndefined();
  });

  it('P8: strict_rfc821_envelopes accepts only the grammar of the RFC', () => {
    expect(strict('<a@b>')).toBe('a@b');
    for (const text of [' <a@b>', 'a@b', '<a..b@c>', '<.a@b>', '<a@b.>', `<${'x'.repeat(65)}@b>`])
      expect(strict(text), text).toBeUndefined();
  });

  it('an accepted path has no character that could break a line, a header or a log', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^<[ -~\r\n]{0,40}@[a-z.\r\n]{1,20}>$/)), (text) => {
        const path = parsePath(text, false);
        if (path === null) return;
        expect(path.address).not.toMatch(/[\x00-\x1f\x7f]/);
        // Canonical: parsing it again gives the same path.
        if (path.address !== '') expect(parseMailbox(path.address, false)).toBe(path.address);
      }),
      { numRuns: 500 },
    );
  });

  it('takes linear time', () => {
    expect(parsePath(`<${'"\\"'.repeat(4000)}>`, false)).toBeNull();
    expect(parsePath(`<${'@a,'.repeat(4000)}>`, false)).toBeNull();
  });

  it('supports address literals', () => {
    expect(isAddressLiteral('[127.0.0.1]')).toBe(true);
    expect(isAddressLiteral('[IPv6:fe80::1%eth0]')).toBe(false);
  });
});
