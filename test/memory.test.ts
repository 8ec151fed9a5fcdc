/** Memory that is freed by hand. */
import { expect, it } from 'vitest';
import { freeNow } from '../src/memory.ts';

it('bytes are freed at once, with all others of their buffer, and again without harm', () => {
  const { buffer } = new Uint8Array(100);
  const [one, other] = [new Uint8Array(buffer, 10, 20), new Uint8Array(buffer, 50)];
  freeNow(one);
  expect([one.length, other.length, buffer.byteLength]).toEqual([0, 0, 0]);
  freeNow(other);
  freeNow(new Uint8Array(new SharedArrayBuffer(4)));
});
