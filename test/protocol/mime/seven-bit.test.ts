/**
 * Conversion for servers without 8BITMIME. The same messages go through a real Postfix in
 * test/interop/postfix-client.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SevenBitConverter } from '../../../src/protocol/mime/seven-bit.ts';
import { piecesOf } from '../../kit/pieces.ts';

function convert(text: string, cuts: readonly number[] = []): { out: string; converter: SevenBitConverter } {
  const converter = new SevenBitConverter(100);
  let out = '';
  for (const piece of piecesOf(Buffer.from(text, 'utf8'), cuts)) out += converter.push(piece).toString('utf8');
  return { out: out + converter.end().toString('utf8'), converter };
}
const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n`;

describe('a message for a server without 8BITMIME', () => {
  it('has its 8bit and binary parts in quoted-printable, and their multiparts labelled 7bit', () => {
    const { out } = convert(
      lines(
        'Content-Transfer-Encoding: 8bit',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Transfer-Encoding: 8BIT (yes)',
        '',
        'ü = ',
        '--b',
        'Content-Type: message/rfc822',
        'Content-Transfer-Encoding: binary',
        '',
        'Content-Transfer-Encoding: 8bit',
        'Subject: in',
        '',
        'ü',
        '--b--',
      ),
    );
    expect(out).toBe(
      lines(
        'Content-Type: multipart/mixed; boundary=b',
        'Content-Transfer-Encoding: 7bit',
        '',
        '--b',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '=C3=BC =3D=20',
        '--b',
        'Content-Type: message/rfc822',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Subject: in',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        '=C3=BC',
        '--b--',
      ),
    );
  });

  it.each([
    ['7bit', 'Content-Transfer-Encoding: 7bit', 'a = b'],
    ['no label', 'Subject: x', 'ü'],
    ['base64', 'Content-Transfer-Encoding: base64', 'AAEC'],
    ['quoted-printable', 'Content-Transfer-Encoding:\r\n\tquoted-printable', 'a =3D b'],
    ['an unknown label', 'Content-Transfer-Encoding: x-uue', 'ü'],
    [
      'a signed part',
      'Content-Type: multipart/signed; boundary=b',
      '--b\r\n\r\nsigned = text \r\n--b\r\n\r\nsignature\r\n--b--',
    ],
  ])('is unchanged if it is %s', (_what, field, body) => {
    const text = lines(field, '', body);
    expect(convert(text).out).toBe(text);
  });

  it('has no line longer than 76 octets in converted parts, and only ASCII', () => {
    const { out } = convert(
      lines('Content-Transfer-Encoding: 8bit', '', 'ü'.repeat(5000), `${' '.repeat(300)}`, '='.repeat(3000)),
    );
    for (const line of out.split('\r\n')) expect(line.length).toBeLessThanOrEqual(76);
    expect(out).toMatch(/^[\x00-\x7f]*$/);
  });

  it('is reported if multiparts are nested too deep or a header field is not ASCII', () => {
    const nested = Array.from(
      { length: 105 },
      (_, i) => `--n${i}\r\nContent-Type: multipart/mixed; boundary=n${i + 1}\r\n\r\n`,
    ).join('');
    expect(convert(`Content-Type: multipart/mixed; boundary=n0\r\n\r\n${nested}`).converter.tooDeep).toBe(true);
    const seen = (text: string): boolean => convert(text).converter.headerIsEightBit;
    expect(seen('Subject: ü\r\n\r\nx\r\n')).toBe(true);
    expect(seen('Subject: x\r\n\r\nü\r\n')).toBe(false);
    expect(seen('Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: ü\r\n\r\n')).toBe(true);
    expect(seen('Content-Type: message/rfc822\r\n\r\nX: ü\r\n\r\n')).toBe(true);
  });

  it('keeps little of an endless header field or line in memory', () => {
    const converter = new SevenBitConverter(100);
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let out = converter.push(Buffer.from('Content-Type: ')).length;
    for (let i = 0; i < 50; i += 1) out += converter.push(chunk).length;
    expect(out).toBeGreaterThan(49 * chunk.length);
  });

  it('is the same however its octets are split', () => {
    const piece = fc.constantFrom(
      '--b',
      '--b--',
      '--c',
      '\r\n',
      '\n',
      '\r',
      ' ',
      'ü',
      '=',
      'x'.repeat(2040),
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Type: multipart/mixed; boundary=c',
      'Content-Transfer-Encoding: 8bit',
      'Content-Type: message/rfc822',
      'Subject: x',
    );
    const soup = fc
      .array(fc.tuple(piece, fc.constantFrom('\r\n', '')), { maxLength: 25 })
      .map((pieces) => pieces.flat().join(''));
    fc.assert(
      fc.property(soup, fc.array(fc.nat(10_000), { maxLength: 6 }), (text, cuts) => {
        expect(convert(text, cuts).out).toBe(convert(text).out);
      }),
    );
  });
});
