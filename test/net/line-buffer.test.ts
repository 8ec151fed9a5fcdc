import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineBuffer } from '../../src/net/line-buffer.ts';

it('returns lines and octets in order, however they arrive and are read', () => {
  const chunks = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('\n', 'a', 'bc\n', '\r\n', 'long line without end') },
      { weight: 1, arbitrary: fc.constant('x'.repeat(300)) },
    ),
    {
      maxLength: 400,
    },
  );
  const takes = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 50 });
  fc.assert(
    fc.property(chunks, takes, (pushed, taken) => {
      const buffer = new LineBuffer();
      let expected = '';
      const lengths = [...taken];
      for (const chunk of pushed) {
        buffer.push(Buffer.from(chunk));
        expected += chunk;
        expect(buffer.findLine()).toBe(expected.indexOf('\n') + 1 || -1);
        const line = buffer.findLine();
        const length = lengths.pop();
        if (length === undefined) continue;
        // Alternates between a complete line and a number of octets.
        const got =
          line > 0 && length % 2 === 0
            ? buffer.take(line)
            : length % 3 === 0
              ? buffer.takePiece(length)
              : buffer.take(length);
        expect(got.toString()).toBe(expected.slice(0, got.length));
        expected = expected.slice(got.length);
        expect(buffer.length).toBe(expected.length);
      }
      expect(buffer.take(1 << 20).toString()).toBe(expected);
      expect(buffer.findLine()).toBe(-1);
    }),
    { numRuns: 200 },
  );
});
