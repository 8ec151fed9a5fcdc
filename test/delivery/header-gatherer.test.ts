/** Where a header ends, however its octets come. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderGatherer } from '../../src/delivery/header-gatherer.ts';
import { createLineEndFilter } from '../../src/protocol/mime/line-end.ts';

const drop = new Set(['bcc', 'return-path']);

/** What is kept, what is body, cut at `size` octets. */
function gather(text: string, size: number, limit = 1000): { kept: string; body: string; separated: boolean } {
  const gatherer = new HeaderGatherer(limit, drop);
  const octets = Buffer.from(text, 'latin1');
  const body: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) {
    const chunk = octets.subarray(at, at + size);
    if (gatherer.complete) body.push(chunk);
    else body.push(gatherer.push(chunk) ?? Buffer.alloc(0));
  }
  body.push(gatherer.finish());
  return { kept: Buffer.concat(gatherer.kept).toString('latin1'), body: Buffer.concat(body).toString('latin1'), separated: gatherer.separated };
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
    [': nameless\r\n', '', ': nameless\r\n', false],
    ['', '', '', false],
  ])('%j', (text, kept, body, separated) => {
    for (const size of [1, 2, 3, 7, 1000]) expect(gather(text, size)).toEqual({ kept, body, separated });
  });

  it('loses no octet but those of dropped fields, wherever it is cut', () => {
    const line = fc.oneof(
      fc.constantFrom('a: b\r\n', ' fold\r\n', '\r\n', 'text\r\n', 'Received: x\r\n', 'a:\r\n'),
      fc.string({ maxLength: 30 }).map((text) => `${text}\r\n`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), fc.constantFrom(10, 60, 1000), (lines, size, limit) => {
        const filter = createLineEndFilter();
        const raw = Buffer.from(lines.join('').replace(/bcc|return-path/gi, ''), 'latin1');
        const text = Buffer.concat([filter.push(raw), filter.end()]).toString('latin1');
        const { kept, body } = gather(text, size, limit);
        expect(kept + body).toBe(text);
      }),
      { numRuns: 300 },
    );
  });
});
