import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accessKeys, hostKeys, ipKeys, mailboxKeys, transportKeys, userKeys } from '../../src/lookup/address-keys.ts';
import { quoteLocalPart, unquoteLocalPart } from '../../src/mail/local-part.ts';
import { dividedAt } from '../kit/parameters.ts';

const texts = (keys: readonly { readonly text: string }[]): string[] => keys.map(({ text }) => text);

describe('P6: the order in which table keys are looked up', () => {
  it('hosts with their parent domains, and addresses with the networks around them', () => {
    expect(hostKeys('A.b.example.', true)).toEqual(['a.b.example', 'b.example', 'example']);
    expect(hostKeys('a.b.example', false)).toEqual(['a.b.example', '.b.example', '.example']);
    expect(ipKeys('192.0.2.1')).toEqual(['192.0.2.1', '192.0.2', '192.0', '192']);
    expect(ipKeys('::ffff:192.0.2.1')[0]).toBe('192.0.2.1');
    expect(ipKeys('2001:DB8::1')).toEqual(['2001:db8::1', '2001:db8', '2001']);
  });

  it('access tables: the address without and with its extension, the domain and its parents, the user', () => {
    expect(accessKeys('User+x@Mail.example', true, dividedAt('+'))).toEqual([
      'user+x@mail.example',
      'user@mail.example',
      'mail.example',
      'example',
      'user+x@',
      'user@',
    ]);
    expect(accessKeys('user@example', false, dividedAt(''))).toEqual(['user@example', 'example', 'user@']);
    expect(accessKeys('root', true, dividedAt('+'))).toEqual(['root', 'root@']);
  });

  it('P11: virtual and canonical tables: omitted parts are reported, in the original case', () => {
    expect(mailboxKeys('Admin+Xy@group.com', dividedAt('+'), true)).toEqual([
      { text: 'admin+xy@group.com', extension: '' },
      { text: 'admin@group.com', extension: '+Xy' },
      { text: 'admin+xy', extension: '' },
      { text: 'admin', extension: '+Xy' },
      { text: '@group.com', extension: '' },
    ]);
    expect(texts(mailboxKeys('a@b.c', dividedAt(''), false))).toEqual(['a@b.c', '@b.c']);
  });

  it('a local part that needs quotes is looked up with and without them; its extension is inside the quotes', () => {
    expect(texts(mailboxKeys('"John Smith+x y"@b.c', dividedAt('+'), false))).toEqual([
      '"john smith+x y"@b.c',
      'john smith+x y@b.c',
      '"john smith"@b.c',
      'john smith@b.c',
      '@b.c',
    ]);
    expect(userKeys('"loud+X y"@b.c', dividedAt('+'))).toEqual([
      { text: 'loud+x y', extension: '' },
      { text: 'loud', extension: '+X y' },
    ]);
  });

  it('transports: the address, the domain, its parents with a dot, the wildcard', () => {
    expect(texts(transportKeys('user+x@a.example', dividedAt('+')))).toEqual([
      'user+x@a.example',
      'user@a.example',
      'a.example',
      '.example',
      '*',
    ]);
  });

  it('any address gives only a few keys', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '@', '+', ':', '[', '"', '\\', ' ', '1'), maxLength: 60 }),
        (text) => {
          expect(accessKeys(text, true, dividedAt('+')).length).toBeLessThan(80);
          expect(mailboxKeys(text, dividedAt('+'), true).length).toBeLessThan(12);
        },
      ),
    );
  });

  it('quoting and unquoting a local part are inverse', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '.', '@', '"', '\\', ' ', '>'), minLength: 1, maxLength: 12 }),
        (text) => {
          expect(unquoteLocalPart(quoteLocalPart(text))).toBe(text);
        },
      ),
    );
  });
});
