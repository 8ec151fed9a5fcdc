import { constants } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cipherList } from '../../../src/protocol/tls/ciphers.ts';
import { optionFault, secureOptions, workaroundFault } from '../../../src/protocol/tls/options.ts';
import { type TermWords, termsOf } from '../../../src/protocol/tls/terms.ts';
import { allowedVersions, versionFault } from '../../../src/protocol/tls/versions.ts';

describe('T1: versions of TLS', () => {
  it.each([
    ['', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['>=TLSv1', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['>=TLSv1.2', ['TLSv1.2', 'TLSv1.3']],
    ['>=0303, <=tlsv1.2', ['TLSv1.2']],
    ['<=TLSv1.1', ['TLSv1', 'TLSv1.1']],
    ['!SSLv2, !SSLv3, !TLSv1', ['TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['TLSv1.3', ['TLSv1.3']],
    ['TLSv1, TLSv1.3', ['TLSv1', 'TLSv1.3']],
    ['TLSv1.1 TLSv1.2 !TLSv1.1', ['TLSv1.2']],
    ['>=SSLv3', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
  ])('%s', (list, versions) => {
    expect(allowedVersions(list.split(/[\s,]+/).filter(Boolean))).toEqual(versions);
  });

  it.each(['TLSv1.0', 'TLSv1.5', '>=TLSv2', 'foo', '!0303', '>=', '!!TLSv1'])('%s is no version', (item) => {
    expect(versionFault(item)).toContain('expected TLSv1');
    expect(() => allowedVersions([item])).toThrow('expected TLSv1');
  });

  it('a list that leaves none is a fault', () => {
    expect(() => allowedVersions(['SSLv3'])).toThrow('leaves no version of TLS');
  });
});

describe('T1: ciphers', () => {
  const GRADES = { high: 'HIGH:@STRENGTH', medium: 'HIGH:MEDIUM' };

  it('a grade is its list, without what is excluded, with the ciphers of TLS 1.3', () => {
    expect(cipherList('HIGH', GRADES, ['aNULL', 'kEDH+aRSA'])).toBe(
      'HIGH:@STRENGTH:!aNULL:!kEDH+aRSA:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:@SECLEVEL=0',
    );
  });

  it('an unknown grade and an exclusion that would include something are faults', () => {
    expect(() => cipherList('hi', GRADES, [])).toThrow('invalid cipher grade: "hi"');
    expect(() => cipherList('__proto__', GRADES, [])).toThrow('invalid cipher grade');
    expect(() => cipherList('high', GRADES, ['!aNULL'])).toThrow('without !, +, - or @');
  });
});

describe("T1: OpenSSL's options", () => {
  it('are set by name or number, workarounds are on but those disabled', () => {
    const bits = secureOptions(['no_ticket', '0x20000'], []);
    expect(bits & constants.SSL_OP_NO_TICKET).not.toBe(0);
    expect(bits & constants.SSL_OP_NO_COMPRESSION).not.toBe(0);
    expect(bits).toBeGreaterThan(0);
    const DONT = constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS;
    expect(secureOptions([], []) & DONT).toBe(DONT);
    expect(secureOptions([], ['DONT_INSERT_EMPTY_FRAGMENTS']) & DONT).toBe(0);
  });

  it('renegotiation is never allowed', () => {
    expect(secureOptions([], []) & constants.SSL_OP_NO_RENEGOTIATION).not.toBe(0);
  });

  it.each(['FOO', '0x1ffffffff', '-1', ''])('%j is none', (item) => {
    expect(optionFault(item)).toContain('expected ENABLE_MIDDLEBOX_COMPAT');
    expect(workaroundFault(item)).toContain('expected DONT_INSERT_EMPTY_FRAGMENTS');
  });
});

describe('T1: terms', () => {
  const WORDS: TermWords = {
    versions: ['TLSv1', 'TLSv1.2'],
    grade: 'high',
    grades: { high: 'HIGH' },
    exclusions: [],
    curves: ['X25519', 'prime256v1'],
    options: [],
    disabledWorkarounds: [],
  };

  it('have a hole where a version between others is excluded', () => {
    const { minVersion, maxVersion, secureOptions: bits } = termsOf(WORDS);
    expect([minVersion, maxVersion]).toEqual(['TLSv1', 'TLSv1.2']);
    expect(bits & constants.SSL_OP_NO_TLSv1_1).not.toBe(0);
    expect(bits & constants.SSL_OP_NO_TLSv1_2).toBe(0);
  });

  it('OpenSSL must have what they name', () => {
    expect(() => termsOf({ ...WORDS, grades: { high: 'nonsense' } })).toThrow('leaves no cipher');
    expect(() => termsOf({ ...WORDS, exclusions: ['ALL'] })).toThrow('the grade high without ALL leaves no cipher');
    expect(() => termsOf({ ...WORDS, curves: ['X25519', 'foo'] })).toThrow('not all of them are curves');
  });
});
