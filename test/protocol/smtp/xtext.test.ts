/** xtext (RFC 3461 section 4). */
import { describe, expect, it } from 'vitest';
import { decodeXtext, encodeXtext } from '../../../src/protocol/smtp/xtext.ts';

describe('xtext', () => {
  it.each([
    ['rfc822;a@qq.com', 'rfc822;a@qq.com'],
    ['a+b=c d', 'a+2Bb+3Dc+20d'],
    ['é', '+C3+A9'],
    ['\n', '+0A'],
  ])('encodes %j as %s', (text, encoded) => {
    expect(encodeXtext(text)).toBe(encoded);
    expect(Buffer.from(decodeXtext(encoded) ?? '', 'latin1').toString()).toBe(text);
  });

  it.each(['a=b', '+2', '+GG', 'a b'])('%j is not xtext', (text) => {
    expect(decodeXtext(text)).toBeNull();
  });
});
