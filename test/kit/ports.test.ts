import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freeOffset, isApart, isOfAnOffset } from './ports.ts';

it('offsets requested at the same time differ, and no two servers share a port', async () => {
  const offsets = await Promise.all(Array.from({ length: 8 }, freeOffset));
  const ports = offsets.flatMap((offset) =>
    [25, 53, 80, 110, 143, 443, 465, 587, 993, 995].flatMap((port) => [port + offset, port + offset + 4]),
  );
  expect(new Set(ports).size).toBe(ports.length);
  expect(ports.filter((port) => !isOfAnOffset(port))).toEqual([]);
});

it('a port of one server only must not be what another one, or a client, has at its own offset', () => {
  expect([25, 1224, 1525].map(isApart)).toEqual([true, true, true]);
  expect([1025, 1024, 2525, 1760].map(isApart)).toEqual([false, false, false, false]);
});

it('an offset is skipped if one of its ports is in use', async () => {
  const taken = createServer();
  const first = await freeOffset();
  await new Promise<void>((resolve) => taken.listen(993 + first + 5, '127.0.0.1', resolve));
  const more = await Promise.all(Array.from({ length: 4 }, freeOffset));
  taken.close();
  expect(more).not.toContain(first + 5);
});
