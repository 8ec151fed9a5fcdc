/** What crosses between two processes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedFrameOf, FrameReader, frameOf, isSendable, KIND, readFrame } from '../../src/child/frames.ts';

interface Read {
  readonly frames: readonly (readonly [number, unknown])[];
  readonly faults: readonly string[];
}

function read(pieces: Iterable<Buffer>): Read {
  const frames: [number, unknown][] = [];
  const faults: string[] = [];
  const reader = new FrameReader({
    onFrame: (kind, value) => void frames.push([kind, value]),
    onFault: (fault) => void faults.push(fault),
  });
  for (const piece of pieces) reader.push(piece);
  return { frames, faults };
}

describe('frames between processes', () => {
  it('come as they were sent, however they are cut', () => {
    const values = fc.array(
      fc.oneof(fc.anything({ withMap: true, withDate: true, withBigInt: true }), fc.uint8Array()),
    );
    fc.assert(
      fc.property(values, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sent, sizes) => {
        const octets = Buffer.concat(sent.map((value) => frameOf(KIND.question, value)));
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < octets.length; i += 1) {
          const end = at + (sizes[i % sizes.length] as number);
          pieces.push(octets.subarray(at, end));
          at = end;
        }
        expect(read(pieces)).toEqual({
          frames: sent.map((value) => [KIND.question, structuredClone(value)]),
          faults: [],
        });
      }),
    );
  });

  it('that are no messages, or too long, end the reading: nothing of them is decoded', () => {
    const good = frameOf(KIND.message, 'good');
    const rubbish = Buffer.from('\x03\0\0\0\0abc');
    expect(read([good, rubbish, good])).toEqual({
      frames: [[KIND.message, 'good']],
      faults: ['sent something that is no message'],
    });
    const long = Buffer.alloc(5);
    long.writeUInt32LE(200_000_000);
    expect(read([long, good]).faults).toEqual(['sent 200000005 octets at once']);
  });

  it('leave a child up to a size: octets are cheap to decode, values are not', () => {
    expect(isSendable('x'.repeat(1_000_000))).toBe(true);
    expect(isSendable('x'.repeat(1_100_000))).toBe(false);
    expect(isSendable(Buffer.alloc(20_000_000))).toBe(true);
    expect(isSendable(Buffer.alloc(140_000_000))).toBe(false);
    expect(isSendable({ run: () => 1 })).toBe(false);
    expect(() => boundedFrameOf(KIND.message, Array.from({ length: 1_000_000 }, String))).toThrow(
      'larger than 1 MiB (and 128 MiB of octets) at once',
    );
  });

  it('are waited for where an answer is needed', () => {
    const octets = Buffer.concat([frameOf(KIND.message, { one: 1 }), frameOf(KIND.message, null)]);
    let at = 0;
    const next = (into: Buffer): number => {
      const count = octets.copy(into, 0, at, at + 3);
      at += count;
      return count;
    };
    expect(readFrame(next)).toEqual({ one: 1 });
    expect(readFrame(next)).toBe(null);
    expect(at).toBe(octets.length);
  });
});
