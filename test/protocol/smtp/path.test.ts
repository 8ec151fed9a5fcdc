import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddressLiteral, parseMailbox } from '../../../src/protocol/smtp/mailbox.ts';
import { type ParsedPath, parsePath } from '../../../src/protocol/smtp/path.ts';

const parse = (text: string, strict = false): ParsedPath | null =>
  parsePath(text, { strict, dashUser: false, nullDomain: false, numericDomain: false });
const lenient = (text: string): string | undefined => parse(text)?.address;
const strict = (text: string): string | undefined => parse(text, true)?.address;

describe('P8: paths as Postfix 3.7 reads them', () => {
  it.each([
    ['<a@b.example>', 'a@b.example'],
    ['<>', ''],
    ['< >', ''],
    [' <a@b>', 'a@b'],
    ['a@b', 'a@b'],
    ['a@b>', 'a@b'],
    ['<<a@b>>', 'a@b'],
    ['<a@b>>', 'a@b'],
    ['<postmaster>', 'postmaster'],
    ['<@x,@y.example:a@b>', 'a@b'],
    ['<@x:a@b>', 'a@b'],
    [':<a@b>', 'a@b'],
    ['<a:b@c>', '"a:b"@c'],
    ['<"a"@b>', 'a@b'],
    ['<"a b"@c>', '"a b"@c'],
    ['<a\\ b@c>', '"a b"@c'],
    ['<"a\\"b\\\\"@c>', '"a\\"b\\\\"@c'],
    ['<"a@x"@b>', '"a@x"@b'],
    ['<a@b@c>', '"a@b"@c'],
    ['<"a>b"@c>', '"a>b"@c'],
    ['<@b>', '""@b'],
    ['<a..b@c>', '"a..b"@c'],
    ['<a@b.>', 'a@b.'],
    ['< a @ b >', 'a@b'],
    ['(remark)<a@b>', 'a@b'],
    ['<a(x (y))@b (z>', 'a@b'],
    ['Joe<a@b>', 'a@b'],
    ['<,a@b;>', 'a@b'],
    ['<a@[127.0.0.1]>', 'a@[127.0.0.1]'],
    ['<a@[127.0.0.1>', 'a@[127.0.0.1]'],
    ['<a@[IPv6:::1]>', 'a@[IPv6:::1]'],
    ['<user+x=y/z@b-c.d_e.example>', 'user+x=y/z@b-c.d_e.example'],
    ['<用户@例子.中国>', '用户@例子.中国'],
    [`<${'x'.repeat(65)}@b>`, `${'x'.repeat(65)}@b`],
  ])('%s is %s', (text, address) => {
    expect(lenient(text)).toBe(address);
  });

  it.each([
    '<a@b',
    '<<a@b>',
    '<a b@c>',
    '<a@b c>',
    '<a@b>x',
    '<a@b>,<c@d>',
    '<a,b@c>',
    'group:a@b,c@d;',
    '<a@>',
    '<@x:>x',
    '<a@-b>',
    '<-a@b>',
    '<a@1.2.3.4>',
    '<a@b..c>',
    '<a@[1.2.3]>',
    '<"a@b>',
    '<"a"b@c>',
    '<"\x01"@c>',
    '<a\x00@b>',
    '<a@b\x7f>',
    `<a@${'x'.repeat(64)}.example>`,
    `<${'x'.repeat(1000)}@b.example>`,
    '',
  ])('refuses %s', (text) => {
    expect(lenient(text)).toBeUndefined();
  });

  it('resolve_null_domain lets nothing stand behind the @', () => {
    const rules = { strict: false, dashUser: false, nullDomain: true, numericDomain: false };
    expect(parsePath('<a@>', rules)?.address).toBe('a@');
    expect(parsePath('<a@b@>', rules)?.address).toBe('"a@b"@');
  });

  it('resolve_numeric_domain takes an IPv4 address for one in brackets; other numbers are no domain', () => {
    const rules = { strict: false, dashUser: false, nullDomain: false, numericDomain: true };
    expect(parsePath('<a@1.2.3.4>', rules)?.address).toBe('a@[1.2.3.4]');
    for (const text of ['<a@1.2>', '<a@256.1.1.1>', '<a@12>', '<a@1.2.3.4.5>'])
      expect(parsePath(text, rules)?.address, text).toBeUndefined();
    expect(lenient('<a@1.2.3.4>')).toBeUndefined();
  });

  it('strict_rfc821_envelopes wants brackets and nothing but one address', () => {
    for (const text of [' <a@b>', '< a@b >', '<a..b@c>', '<a@b>>']) expect(strict(text), text).toBeDefined();
    for (const text of ['a@b', '(x)<a@b>', '<a(x)@b>', '<Joe <a@b>>', '<@b>', ':<a@b>'])
      expect(strict(text), text).toBeUndefined();
  });

  it('what follows is kept', () => {
    expect(parse(' <"a b"@c> SIZE=1')).toMatchObject({ address: '"a b"@c', rest: ' SIZE=1' });
    expect(parse('a@b SIZE=1')).toMatchObject({ address: 'a@b', rest: ' SIZE=1' });
  });

  it('an accepted path has no character that could break a line, a header or a log', () => {
    const unit = fc.constantFrom(...'ab@."\\<>()[]:;, \r\n\t');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit, maxLength: 30 })), (text) => {
        const path = parse(text);
        if (path === null) return;
        expect(path.address).not.toMatch(/[\x00-\x1f\x7f]/);
        // Canonical: parsing it again gives the same path.
        if (path.address !== '') expect(parseMailbox(path.address, false)).toBe(path.address);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes linear time', () => {
    for (const part of ['"\\"', '@a,', '(', '[', '"', '<', '(a', '\\', '@a:'])
      expect((parse(`<${part.repeat(4000)}>`)?.address ?? '').length).toBeLessThan(1000);
  });

  it('supports address literals', () => {
    expect(isAddressLiteral('[127.0.0.1]')).toBe(true);
    expect(isAddressLiteral('[IPv6:fe80::1%eth0]')).toBe(false);
  });
});
