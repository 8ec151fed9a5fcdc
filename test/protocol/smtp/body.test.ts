import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BodyReader, ChunkBody, DotBody } from '../../../src/protocol/smtp/body.ts';

/** Feeds `text` cut at `cuts`; gives the body and what stands behind it, or null where it has not ended. */
function read(reader: BodyReader, text: string, cuts: readonly number[]): { body: string; rest: string } | null {
  const octets = Buffer.from(text, 'latin1');
  const edges = [0, ...cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b), octets.length];
  const parts: Buffer[] = [];
  for (let i = 1; i < edges.length; i += 1) {
    const chunk = octets.subarray(edges[i - 1], edges[i]);
    if (chunk.length === 0) continue;
    const end = reader.push(chunk, 0, parts);
    if (end >= 0) return { body: Buffer.concat(parts).toString('latin1'), rest: octets.subarray((edges[i - 1] ?? 0) + end).toString('latin1') };
  }
  return null;
}

/** The same by the definition: lines end with CRLF alone. */
function define(text: string): { body: string; rest: string } | null {
  const lines = text.split('\r\n');
  let body = '';
  for (let i = 0; i < lines.length - 1; i += 1) {
    const line = lines[i] ?? '';
    if (line === '.') return { body, rest: lines.slice(i + 1).join('\r\n') };
    body += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
  }
  return null;
}

const soup = fc.array(fc.constantFrom('.', '..', '\r', '\n', '\r\n', '\r\n.', '\r\n.\r\n', 'a', 'text'), { maxLength: 30 }).map((pieces) => pieces.join(''));
const cuts = fc.array(fc.nat(200), { maxLength: 8 });

describe('the end of DATA', () => {
  it('is CRLF.CRLF and nothing else, however the octets are cut', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        expect(read(new DotBody(), text, at)).toEqual(define(text));
        const ended = `${text}\r\n.\r\nNOOP\r\n`;
        expect(read(new DotBody(), ended, at)).toEqual(define(ended));
      }),
      { numRuns: 1500 },
    );
  });

  it('gives every body back that was stuffed', () => {
    fc.assert(
      fc.property(soup, cuts, (text, at) => {
        const body = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
        const stuffed = body
          .split('\r\n')
          .map((line) => (line.startsWith('.') ? `.${line}` : line))
          .join('\r\n');
        expect(read(new DotBody(), `${stuffed}.\r\nQUIT\r\n`, at)).toEqual({ body, rest: 'QUIT\r\n' });
      }),
      { numRuns: 500 },
    );
  });

  it('passes long text on without copying it', () => {
    const chunk = Buffer.from(`${'x'.repeat(60_000)}\r\n.\r\n`);
    const parts: Buffer[] = [];
    expect(new DotBody().push(chunk, 0, parts)).toBe(chunk.length);
    expect(parts).toHaveLength(1);
    expect(parts[0]?.buffer).toBe(chunk.buffer);
  });
});

describe('a chunk of BDAT', () => {
  it('is so many octets, however they are cut', () => {
    fc.assert(
      fc.property(fc.nat(60), cuts, (length, at) => {
        const body = 'x\r\n.\r\n'.repeat(10).slice(0, length);
        if (length > 0) expect(read(new ChunkBody(length), `${body}NOOP\r\n`, at)).toEqual({ body, rest: 'NOOP\r\n' });
        expect(read(new ChunkBody(length + 1), body, at)).toBeNull();
      }),
    );
  });
});
