/** What the sink of a body receives. */
import { expect, it } from 'vitest';
import { DotBody } from '../../../src/protocol/smtp/body.ts';
import { receiveBody } from '../../../src/server/smtp/body.ts';

it('a chunk of stuffed dots is passed on in one piece, not one per line; what follows the body stays', async () => {
  const parts: Buffer[] = [];
  const chunks: Buffer[] = [Buffer.from(`${'..\r\n'.repeat(10_000)}.\r\nQUIT\r\n`)];
  const wire = {
    readChunk: async () => chunks.shift() ?? null,
    unread: (octets: Buffer) => void chunks.unshift(octets),
  };
  expect(await receiveBody(wire, new DotBody('crlf'), (part) => void parts.push(part))).toBe(true);
  expect(parts).toHaveLength(1);
  expect(Buffer.concat(parts).toString()).toBe('.\r\n'.repeat(10_000));
  expect(chunks.map(String)).toEqual(['QUIT\r\n']);
});
