import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PeerReply, ReplyReader, replyText } from '../../../src/protocol/smtp/reply-reader.ts';
import { piecesOf } from '../../kit/pieces.ts';

function read(octets: Buffer | string, cuts: readonly number[] = []): { replies: PeerReply[]; reader: ReplyReader } {
  const all = typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets;
  const reader = new ReplyReader();
  for (const piece of piecesOf(all, cuts)) reader.push(piece);
  const replies: PeerReply[] = [];
  for (let reply = reader.next(); reply !== null; reply = reader.next()) replies.push(reply);
  return { replies, reader };
}

describe("a server's reply", () => {
  it.each([
    ['one line', '250 2.0.0 Ok: queued as X\r\n', 250, '2.0.0', '250 2.0.0 Ok: queued as X', false],
    ['several lines', '550-5.1.1 one\r\n550 5.1.1 two\r\n', 550, '5.1.1', '550-5.1.1 one 550 5.1.1 two', false],
    ['only a code', '550\r\n', 550, '5.0.0', '550', false],
    ['no enhanced code', '421 closing\r\n', 421, '4.0.0', '421 closing', false],
    ['an enhanced code of another class', '450 5.7.1 no\r\n', 450, '4.0.0', '450 5.7.1 no', false],
    ['an enhanced code that is too long', '550 5.1.1234 odd\r\n', 550, '5.0.0', '550 5.1.1234 odd', false],
    ['a code of class 1', '354 2.0.0 go\r\n', 354, '5.5.0', '354 2.0.0 go', false],
    ['a code out of range', '999 what\r\n', 999, '5.5.0', '999 what', false],
    [
      'lines with different codes: the last counts',
      '250-ok\r\n550 5.1.1 no\r\n',
      550,
      '5.1.1',
      '250-ok 550 5.1.1 no',
      false,
    ],
    ['a line without a code before it', 'hello\r\n250 ok\r\n', 250, '2.0.0', 'hello 250 ok', true],
    ['a code of four digits before it', '2500 ok\r\n550 no\r\n', 550, '5.0.0', '2500 ok 550 no', true],
    ['no blank after the code', '250ok\r\n451 no\r\n', 451, '4.0.0', '250ok 451 no', true],
    ['LF alone', '250 ok\n', 250, '2.0.0', '250 ok', false],
    ['several CR', '250 ok\r\r\r\n', 250, '2.0.0', '250 ok', false],
    ['a NUL that ends the line', '550 a\0b\r\n', 550, '5.0.0', '550 a', false],
    ['control characters and terminal escapes', '550 a\x01\tb\x7f\u009bc\r\n', 550, '5.0.0', '550 a??b??c', false],
    ['UTF-8', '550 Grüße\r\n', 550, '5.0.0', '550 Grüße', false],
  ] as const)('%s', (_what, text, code, enhanced, words, odd) => {
    const { replies, reader } = read(text);
    expect(replies.map((reply) => ({ ...reply, lines: replyText(reply) }))).toEqual([
      { code, enhanced, lines: words, odd },
    ]);
    expect(reader.isEmpty).toBe(true);
  });

  it('is not complete before its last line has ended', () => {
    for (const text of ['250 ok', '250-ok\r\n', 'HTTP/1.1 400 Bad Request\r\n']) {
      const { replies, reader } = read(text);
      expect(replies).toEqual([]);
      expect(reader.isEmpty).toBe(false);
    }
  });

  it('has question marks for octets that are not UTF-8', () => {
    expect(read(Buffer.from('550 \xff\xfe.\r\n', 'latin1')).replies[0]?.lines).toEqual(['550 ??.']);
  });

  it('is bounded: long lines, many lines, endless and unexpected replies', () => {
    expect(read(`550 ${'x'.repeat(5000)}\r\n`).replies[0]?.lines[0]).toHaveLength(2048);
    const many = read(`${'550-5.1.1 a line of many\r\n'.repeat(2000)}550 5.7.1 end\r\n`).replies[0];
    expect(many?.enhanced).toBe('5.7.1');
    expect(replyText(many as PeerReply).length).toBeLessThan(2 * 2048);
    for (const endless of ['x'.repeat(2_000_000), '250-ok\r\n'.repeat(200_000), '250 ok\r\n'.repeat(2000)])
      expect(read(endless).reader.overflow).toBe(true);
  });

  it('is the same however its octets are split', () => {
    const soup = fc
      .array(fc.constantFrom('250', '550', '-', ' ', '\r', '\n', '\r\n', '5.1.1', 'x', '\0', 'ü', '250 ok\r\n'), {
        maxLength: 40,
      })
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(soup, fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
        expect(read(text, cuts).replies).toEqual(read(text).replies);
      }),
    );
  });
});
