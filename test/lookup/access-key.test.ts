import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accessAddressKeys, addressKeys, clientKeys, domainKeys, rewritingKeys, transportKeys } from '../../src/lookup/access-key.ts';

const parents = { parentMatches: true, delimiter: '+', nullKey: '<>' };
const dots = { ...parents, parentMatches: false };

describe('P6: the order in which tables are asked', () => {
  test('domains and their parents', () => {
    expect(domainKeys('A.b.example', parents)).toEqual(['a.b.example', 'b.example', 'example']);
    expect(domainKeys('a.b.example', dots)).toEqual(['a.b.example', '.b.example', '.example']);
    expect(domainKeys('[192.0.2.1]', parents)).toEqual(['[192.0.2.1]']);
    expect(domainKeys('', parents)).toEqual([]);
  });

  test('addresses and the networks around them', () => {
    expect(addressKeys('192.0.2.1')).toEqual(['192.0.2.1', '192.0.2', '192.0', '192']);
    expect(addressKeys('::ffff:192.0.2.1')[0]).toBe('192.0.2.1');
    expect(addressKeys('2001:DB8:0:0::1')).toEqual(['2001:db8::1', '2001:db8', '2001']);
    expect(addressKeys('x')).toEqual([]);
    expect(clientKeys('mail.example', '192.0.2.1', parents)).toEqual(['mail.example', 'example', '192.0.2.1', '192.0.2', '192.0', '192']);
  });

  test('senders and recipients', () => {
    expect(accessAddressKeys('User+x@Mail.example', parents)).toEqual([
      'user+x@mail.example',
      'user@mail.example',
      'mail.example',
      'example',
      'user+x@',
      'user@',
    ]);
    expect(accessAddressKeys('user@example', { ...dots, delimiter: '' })).toEqual(['user@example', 'example', 'user@']);
    expect(accessAddressKeys('', parents)).toEqual(['<>']);
    expect(accessAddressKeys('root', parents)).toEqual(['root', 'root@']);
  });

  test('P11: virtual and canonical addresses', () => {
    expect(rewritingKeys('admin+x@group.com', { delimiter: '+', domainIsLocal: true })).toEqual([
      { key: 'admin+x@group.com', unmatched: '', wholeDomain: false },
      { key: 'admin@group.com', unmatched: '+x', wholeDomain: false },
      { key: 'admin+x', unmatched: '', wholeDomain: false },
      { key: 'admin', unmatched: '+x', wholeDomain: false },
      { key: '@group.com', unmatched: '', wholeDomain: true },
    ]);
    expect(rewritingKeys('a@b.c', { delimiter: '', domainIsLocal: false }).map((it) => it.key)).toEqual(['a@b.c', '@b.c']);
  });

  test('transports', () => {
    expect(transportKeys('user+x@a.example', dots)).toEqual(['user+x@a.example', 'user@a.example', 'a.example', '.example', '*']);
    expect(transportKeys('', dots)).toEqual(['<>', '*']);
  });

  test('any address gives few keys', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '@', '+', ':', '[', ']', '1'), maxLength: 40 }), (text) => {
        expect(accessAddressKeys(text, parents).length).toBeLessThan(60);
        expect(clientKeys(text, text, parents).length).toBeLessThan(100);
      }),
    );
    expect(domainKeys('a.'.repeat(100_000), parents).length).toBeLessThanOrEqual(129);
  });
});
