/** mysql: a server that floods before the login is taken. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { openTables } from '../../kit/tables.ts';

it('P5: a server that sends a packet of 16 MB instead of a greeting is left, and named', async () => {
  const left = Promise.withResolvers<void>();
  const server = await openLoopback((socket) => {
    socket.on('error', () => {});
    socket.on('close', () => left.resolve());
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0]));
    const more = (): void => {
      while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'x')));
      if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  });
  const folder = temporaryFolder('mysql');
  try {
    const path = join(folder, 'client.cf');
    writeFileSync(path, `hosts = 127.0.0.1:${server.port}\nuser = u\npassword = p\ndbname = d\nquery = SELECT '%s'\n`);
    const { tables, logged } = openTables();
    await expect(Promise.resolve(tables.open(`mysql:${path}`).get('key'))).rejects.toThrow(
      'the server sends more than an answer can have',
    );
    expect(logged.join('\n')).toContain(`mysql:${path}`);
    await left.promise;
  } finally {
    await server.close();
    removeFolder(folder);
  }
});
