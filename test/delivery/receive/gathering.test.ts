/** Memory use of a body that arrives octet by octet. */
import { expect, it } from 'vitest';
import { Gathering } from '../../../src/delivery/receive/gathering.ts';
import type { ContentStore } from '../../../src/store/content.ts';

it('a body that arrives octet by octet is kept in few pieces, and complete', async () => {
  const gathering = new Gathering({ content: {} as ContentStore, folder: '', reread: true, head: async () => [] });
  const text = 'a body of single octets\r\n'.repeat(2000);
  for (let i = 0; i < text.length; i += 1) gathering.write(Buffer.from(text.charAt(i)));
  const pieces: Buffer[] = [];
  for await (const piece of gathering.read()) pieces.push(piece);
  expect(pieces.length).toBeLessThan(600);
  expect(Buffer.concat(pieces).toString()).toBe(text);
});
