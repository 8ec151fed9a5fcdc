/** Where a header ends, however its octets arrive. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderGatherer, MAX_KEPT_HEADER } from '../../../src/delivery/receive/header-gatherer.ts';
import { LineEndFilter } from '../../../src/protocol/mime/line-end.ts';

const drop = new Set(['bcc', 'return-path']);

/** The collected header and the body, for input split into pieces of `size` octets. */
function gather(text: string, size: number, limit = 1000): { kept: string; body: string; separated: boolean } {
  const gatherer = new HeaderGatherer(limit, drop);
  const overflow: Buffer[] = [];
  const octets = Buffer.from(text, 'latin1');
  const body: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) {
    const chunk = octets.subarray(at, at + size);
    if (gatherer.complete) body.push(chunk);
    else body.push(gatherer.push(chunk) ?? Buffer.alloc(0));
    overflow.push(...gatherer.takeOverflow());
  }
  body.push(gatherer.finish());
  overflow.push(...gatherer.takeOverflow());
  return {
    kept: Buffer.concat([...gatherer.kept, ...overflow]).toString('latin1'),
    body: Buffer.concat(body).toString('latin1'),
    separated: gatherer.separated,
  };
}

describe('the header of a message', () => {
  it.each([
    ['a: b\r\nBcc: c\r\n d\r\ne: f\r\n\r\nbody\r\n', 'a: b\r\ne: f\r\n', '\r\nbody\r\n', true],
    ['no header here\r\nmore\r\n', '', 'no header here\r\nmore\r\n', false],
    ['a: b\r\nnot a field\r\n', 'a: b\r\n', 'not a field\r\n', false],
    ['\r\nbody\r\n', '', '\r\nbody\r\n', true],
    [' folded at once\r\na: b\r\n', '', ' folded at once\r\na: b\r\n', false],
    ['a: b\r\nBcc: only', 'a: b\r\n', '', false],
    ['a: b', 'a: b', '', false],
    ['From x Fri Nov 20\r\na: b\r\n\r\nc\r\n', 'X-Mailbox-Line: From x Fri Nov 20\r\na: b\r\n', '\r\nc\r\n', true],
    ['>From x\r\n', 'X-Mailbox-Line: >From x\r\n', '', false],
    ['a : b\r\nc\t \t:\r\n d\r\n\r\n', 'a: b\r\nc:\r\n d\r\n', '\r\n', true],
    ['a: b\rc: d\r\n\re: f\r\n', 'a: b\rc: d\r\n', '\re: f\r\n', false],
    [': nameless\r\n', '', ': nameless\r\n', false],
    ['', '', '', false],
  ])('%j', (text, kept, body, separated) => {
    for (const size of [1, 2, 3, 7, 1000]) expect(gather(text, size)).toEqual({ kept, body, separated });
  });

  it.each([
    // A line end counts as one octet, as Postfix stores it. 30 octets; a cut inside a line only if more than a tenth
    // would be lost otherwise.
    [`a: ${'b'.repeat(40)}\r\nc: d\r\n`, `a: ${'b'.repeat(27)}\r\nc: d\r\n`],
    [`a: ${'b'.repeat(27)}\r\n c\r\nd: e\r\n`, `a: ${'b'.repeat(27)}\r\nd: e\r\n`],
    [`a: ${'b'.repeat(25)}\r\n c\r\n d\r\ne: f\r\n`, `a: ${'b'.repeat(25)}\r\ne: f\r\n`],
    [
      `a: ${'b'.repeat(20)}\r\n ${'c'.repeat(20)}\r\n d\r\ne: f\r\n`,
      `a: ${'b'.repeat(20)}\r\n ${'c'.repeat(5)}\r\ne: f\r\n`,
    ],
    [`bcc: ${'b'.repeat(40)}\r\n ${'b'.repeat(40)}\r\nc: d\r\n`, 'c: d\r\n'],
    [`From ${'x'.repeat(40)}\r\nc: d\r\n`, `X-Mailbox-Line: From ${'x'.repeat(9)}\r\nc: d\r\n`],
    [`a : ${'b'.repeat(40)}\r\nc: d\r\n`, `a : ${'b'.repeat(26)}\r\nc: d\r\n`],
    [`a: ${'b'.repeat(9000)}\r\n c\r\nc: d\r\n`, `a: ${'b'.repeat(27)}\r\nc: d\r\n`],
  ])('a field over the limit is cut, and what follows is complete: %#', (text, kept) => {
    for (const size of [1, 7, 1000, 100_000])
      expect(gather(`${text}\r\nbody\r\n`, size, 30)).toEqual({ kept, body: '\r\nbody\r\n', separated: true });
  });

  it('an endless line that may be a field is not collected for ever', () => {
    const line = `${'x'.repeat(5000)}: y\r\n`;
    for (const size of [1, 1000, 10_000])
      expect(gather(`a: b\r\n${line}`, size)).toEqual({ kept: 'a: b\r\n', body: line, separated: false });
  });

  it('keeps a bounded part of a long header, passes on the rest in order, and takes linear time', () => {
    const text = `a:\r\n`.repeat(600_000);
    for (const size of [1000, 65_536]) {
      const gatherer = new HeaderGatherer(1000, drop);
      const octets = Buffer.from(text);
      let handedOn = 0;
      for (let at = 0; at < octets.length; at += size) {
        expect(gatherer.push(octets.subarray(at, at + size))).toBeNull();
        for (const piece of gatherer.takeOverflow()) handedOn += piece.length;
      }
      const kept = gatherer.kept.reduce((sum, piece) => sum + piece.length, 0);
      expect(kept).toBeLessThanOrEqual(MAX_KEPT_HEADER);
      expect(kept).toBeGreaterThan(MAX_KEPT_HEADER - 65_536);
      expect(kept + handedOn).toBe(text.length);
    }
    const oneLine = Buffer.alloc(1000, 'x');
    const gatherer = new HeaderGatherer(100_000, drop);
    gatherer.push(Buffer.from('a: '));
    for (let i = 0; i < 20_000; i += 1) gatherer.push(oneLine);
    expect(gatherer.push(Buffer.from('\r\n\r\n'))?.toString()).toBe('\r\n');
    expect(Buffer.concat(gatherer.kept)).toHaveLength(100_002);
  });

  it('loses no octet except those of dropped fields, however it is split', () => {
    const line = fc.oneof(
      fc.constantFrom('a: b\r\n', ' fold\r\n', '\r\n', 'text\r\n', 'Received: x\r\n', 'a:\r\n'),
      fc.string({ maxLength: 30 }).map((text) => `${text}\r\n`),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1000, 2000),
        (lines, size, limit) => {
          const filter = new LineEndFilter({ strayCr: 'keep' });
          const raw = Buffer.from(
            lines.join('').replace(/bcc|return-path|^>*From |[ \t]+(?=[ \t]*:)/gim, ''),
            'latin1',
          );
          const text = Buffer.concat([filter.push(raw), filter.end()]).toString('latin1');
          const { kept, body } = gather(text, size, limit);
          expect(kept + body).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });
});
