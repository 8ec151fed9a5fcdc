/** The octets sent between 354 and the final dot. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutgoingText } from '../../../src/delivery/client/outgoing-text.ts';
import { DotBody } from '../../../src/protocol/smtp/body.ts';
import { piecesOf } from '../../kit/pieces.ts';

function write(text: string, limit: number, cuts: readonly number[] = []): string {
  const out = new OutgoingText(limit);
  const parts: Buffer[] = [];
  for (const piece of piecesOf(Buffer.from(text, 'latin1'), cuts)) parts.push(...out.push(piece));
  return Buffer.concat([...parts, ...out.end()]).toString('latin1');
}

/** The expected octets, computed from the definition. */
function define(text: string, limit: number): string {
  const lines = text.replace(/\r(?!\n|$)/g, ' ').split(/\r?\n|\r$/);
  if (lines.at(-1) === '') lines.pop();
  return lines
    .map((line) => {
      const pieces = [line.slice(0, limit)];
      for (let at = limit; at < line.length; at += limit - 1) pieces.push(` ${line.slice(at, at + limit - 1)}`);
      return `${line.startsWith('.') ? '.' : ''}${pieces.join('\r\n')}\r\n`;
    })
    .join('');
}

describe('the octets after DATA', () => {
  it.each([
    ['a dot', '.\r\n..\r\na.b\r\n', '..\r\n...\r\na.b\r\n'],
    ['a last line without a line end', 'a', 'a\r\n'],
    ['nothing', '', ''],
    ['LF alone', 'a\n.\nb', 'a\r\n..\r\nb\r\n'],
    ['CR alone', 'a\r.\r\nb\r', 'a .\r\nb\r\n'],
    ['a line at the limit, and one above it', '12345678\r\n123456789\r\n', '12345678\r\n12345678\r\n 9\r\n'],
    [
      'a line far above it: the inserted space counts',
      '.2345678abcdefgABCDEFG!\r\n',
      '..2345678\r\n abcdefg\r\n ABCDEFG\r\n !\r\n',
    ],
    ['a dot after an inserted line break is not at the start of a line', '12345678.\r\n', '12345678\r\n .\r\n'],
  ])('%s', (_what, text, expected) => {
    expect(write(text, 8)).toBe(expected);
  });

  it('are not broken if smtp_line_length_limit is 0', () => {
    const long = `${'x'.repeat(100_000)}\r\n`;
    expect(write(long, 0)).toBe(long);
  });

  const soup = fc
    .array(fc.constantFrom('.', '\r', '\n', '\r\n', '\r\n.\r\n', 'abc', 'abcdefgh', 'x'), { maxLength: 30 })
    .map((pieces) => pieces.join(''));
  const cuts = fc.array(fc.nat(200), { maxLength: 8 });

  it('match the definition, however they are split', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        expect(write(text, 8, at)).toBe(define(text, 8));
      }),
    );
  });

  it('never contain an early end of message, even for a server that also accepts LF or CR as line end', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        const out = write(text, 8, at);
        expect(out).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
        const parts: Buffer[] = [];
        expect(new DotBody('lf').push(Buffer.from(`${out}.\r\n`, 'latin1'), 0, parts)).toBe(out.length + 3);
      }),
    );
  });

  it('take time linear in their number', () => {
    for (const octet of ['\n', '\r', '.', '\r\n']) expect(write(octet.repeat(500_000), 998).length).toBeGreaterThan(0);
  });
});
