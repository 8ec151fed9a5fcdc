/** What a body's sink is given. */
import { expect, it } from 'vitest';
import { DotBody } from '../../../src/protocol/smtp/body.ts';
import { SmtpStream } from '../../../src/server/smtp/stream.ts';

it('a chunk of stuffed dots is given in one piece, not one for each line', async () => {
  const stream = new SmtpStream();
  const parts: Buffer[] = [];
  const body = stream.readBody(new DotBody('crlf'), (part) => void parts.push(part));
  stream.write(Buffer.from(`${'..\r\n'.repeat(10_000)}.\r\n`));
  await body;
  expect(parts).toHaveLength(1);
  expect(Buffer.concat(parts).toString()).toBe('.\r\n'.repeat(10_000));
});
