/** The structure of messages. The same messages are compared with a real Postfix in test/interop/checks.test.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type MimeFault,
  MimeReader,
  type MimeReaderOptions,
  type Piece,
} from '../../../src/protocol/mime/mime-reader.ts';
import { piecesOf } from '../../kit/pieces.ts';

const OPTIONS: MimeReaderOptions = {
  fieldLimit: 1000,
  lineLimit: 100,
  boundaryLimit: 50,
  parts: true,
  lines: Number.POSITIVE_INFINITY,
  reports: new Set(),
};

function read(text: string, options: Partial<MimeReaderOptions> = {}, cuts: readonly number[] = []): Piece[] {
  const reader = new MimeReader({ ...OPTIONS, ...options });
  const pieces = piecesOf(Buffer.from(text, 'latin1'), cuts).flatMap((piece) => reader.push(piece));
  return [...pieces, ...reader.end()];
}

const octetsOf = (piece: Piece): string => {
  if (piece.kind === 'text') return piece.octets.toString('latin1');
  if (piece.kind === 'line') return piece.ends ? `${piece.text}\r\n` : piece.text;
  return piece.kind === 'field' ? `${piece.text.replaceAll('\n', '\r\n')}\r\n` : '';
};
const joined = (pieces: readonly Piece[]): string => pieces.map(octetsOf).join('');
/** As words: `mime X: y`, `| line`. */
const told = (pieces: readonly Piece[]): string[] =>
  pieces.flatMap((piece) => {
    if (piece.kind === 'field') return [`${piece.header} ${piece.text}`];
    if (piece.kind === 'line') return [`${piece.offset}| ${piece.text}`];
    return piece.kind === 'fault' ? [`! ${piece.fault} ${piece.text}`] : [];
  });
const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n`;
const MIXED = ['Content-Type: multipart/mixed; boundary=b', ''];

describe('the structure of a message', () => {
  it('P9: tells the headers of a message, of its parts and of enclosed messages apart', () => {
    const text = lines(
      ...['Subject: s', ' folded', 'MIME-Version: 1.0', ...MIXED, 'before', '--b', 'X-Part : p'],
      ...['Content-Type: message/rfc822', '', 'Subject: in', 'Content-ID: <i>', '', 'text', '--b--', 'behind'],
    );
    expect(told(read(text))).toEqual([
      ...['primary Subject: s\n folded', 'mime MIME-Version: 1.0', 'mime Content-Type: multipart/mixed; boundary=b'],
      ...['0| before', '7| --b', 'mime X-Part: p', 'mime Content-Type: message/rfc822', 'nested Subject: in'],
      ...['mime Content-ID: <i>', '0| text', '0| --b--', '6| behind'],
    ]);
    expect(joined(read(text))).toBe(text.replace('X-Part :', 'X-Part:'));
  });

  it('P9: a body that nobody wants to see is passed on whole, and parts are still found', () => {
    const text = lines(...MIXED, 'one', '-two', '--', '--b', 'X: y', '', 'z', '--b--', '--b', 'no more');
    const pieces = read(text, { lines: 0 });
    expect(told(pieces)).toEqual(['mime Content-Type: multipart/mixed; boundary=b', 'mime X: y']);
    expect(joined(pieces)).toBe(text);
    const plain = read(`Subject: s\r\n\r\n${'--b\r\n'.repeat(1000)}`, { lines: 0 });
    expect(plain).toHaveLength(3);
  });

  it('P9: looks at the beginning of each body only, if so told', () => {
    const text = lines(...MIXED, '0123', '4567', '--b', '', 'abc', 'def', 'ghi');
    expect(told(read(text, { lines: 5 })).slice(1)).toEqual(['0| 0123', '0| abc', '4| def']);
    expect(joined(read(text, { lines: 5 }))).toBe(text);
  });

  it('P9: a long line comes in pieces, a long field ends at its limit', () => {
    expect(told(read(`X: y\r\n\r\n${'z'.repeat(250)}\r\n`)).slice(1)).toEqual([
      `0| ${'z'.repeat(100)}`,
      `101| ${'z'.repeat(100)}`,
      `202| ${'z'.repeat(50)}`,
    ]);
    const reader = new MimeReader(OPTIONS);
    let longest = 0;
    for (let i = 0; i < 10_000; i += 1)
      for (const piece of reader.push(Buffer.from(i === 0 ? 'X: ' : ' more and more\r\n')))
        if (piece.kind === 'field') longest = piece.text.length;
    for (const piece of reader.end()) if (piece.kind === 'field') longest = piece.text.length;
    expect(longest).toBeLessThan(1_101);
  });

  it.each<[MimeFault, string, string]>([
    [
      'nesting',
      Array.from({ length: 101 }, (_one, i) =>
        lines(`Content-Type: multipart/mixed; boundary=${i}.`, '', `--${i}.`),
      ).join(''),
      '! nesting Content-Type: multipart/mixed; boundary=100.',
    ],
    ['header-8bit', 'X: \xff\r\n\r\n\xff\r\n', '! header-8bit X: \xff'],
    ['body-8bit', 'X: \xff\r\n\r\n\xff\r\n', '! body-8bit \xff'],
    ['encoding', lines('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', ''), '! encoding base64'],
  ])('P9: reports %s', (fault, text, words) => {
    expect(told(read(text, { reports: new Set([fault]) })).filter((line) => line.startsWith('!'))).toEqual([words]);
  });

  it('P9: octets beyond US-ASCII are found however little of the body is looked at', () => {
    const text = lines('X: y', '', 'a', 'b\xfe', 'c');
    for (const wanted of [0, 1])
      expect(told(read(text, { lines: wanted, reports: new Set(['body-8bit']) }))).toContain('! body-8bit b\xfe');
  });

  it('P9: is the same however the message is split, and nothing is lost', () => {
    const part = fc.constantFrom(
      ...['\r\n', '\r\n\r\n', 'Content-Type: multipart/mixed; boundary=b\r\n', '--b\r\n', '--b--\r\n', '--', '-', 'b'],
      ...[
        'Content-Type: message/rfc822\r\n',
        'X: y\r\n',
        'X : y\r\n',
        ' z\r\n',
        'From a\r\n',
        'v'.repeat(120),
        '\xff',
        '--c',
        'q\r\n',
      ],
      'Content-Transfer-Encoding: base64\r\n',
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.constantFrom(0, 3, Number.POSITIVE_INFINITY),
        (parts, cuts, wanted) => {
          const text = `${parts.join('')}\r\n`;
          const whole = read(text, { lines: wanted });
          const split = read(text, { lines: wanted }, cuts);
          expect(told(split)).toEqual(told(whole));
          expect(joined(split)).toBe(joined(whole));
          const bare = (octets: string): string => octets.replaceAll(/[ \r\n]|^X-Mailbox-Line:/g, '');
          expect(bare(joined(whole))).toBe(bare(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('P9: any octets at all are passed on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        expect(() => read(Buffer.from(octets).toString('latin1'), {}, [7, 50])).not.toThrow();
      }),
    );
  });
});
