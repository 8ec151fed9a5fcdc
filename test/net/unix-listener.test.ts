import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listenUnix, type UnixListener } from '../../src/net/unix-listener.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let folder: string;
const open: UnixListener[] = [];
beforeEach(() => {
  folder = temporaryFolder('unix');
});
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close();
  removeFolder(folder);
});

async function listen(name = 'socket', maxConnections = 2): Promise<UnixListener> {
  const listener = await listenUnix({
    name: 'lmtp',
    path: join(folder, name),
    mode: 0o620,
    uid: undefined,
    gid: undefined,
    maxConnections,
    busyReply: '421 busy\r\n',
    onConnection: (socket) => void socket.write('220 here\r\n'),
    onRefused: () => {},
  });
  open.push(listener);
  return listener;
}

async function said(path: string): Promise<[string, Socket]> {
  const socket = connect(path);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return [data.toString(), socket];
}

it('has the configured permissions, and is removed when it is closed', async () => {
  const listener = await listen();
  expect(statSync(listener.path).mode & 0o777).toBe(0o620);
  await listener.close();
  expect(existsSync(listener.path)).toBe(false);
});

it('refuses one connection too many, and accepts the next when one has ended', async () => {
  const { path } = await listen('socket', 1);
  const [first, socket] = await said(path);
  expect(first).toBe('220 here\r\n');
  expect((await said(path))[0]).toBe('421 busy\r\n');
  socket.destroy();
  await expect.poll(() => open[0]?.connections).toBe(0);
  const [again, last] = await said(path);
  expect(again).toBe('220 here\r\n');
  last.destroy();
});

it('keeps a socket that another program listens on, and a file that is not a socket', async () => {
  await listen();
  await expect(listen()).rejects.toThrow(
    /^lmtp: cannot listen at .*socket \(EADDRINUSE\): another program listens there/,
  );
  expect((await said(join(folder, 'socket')))[0]).toBe('220 here\r\n');
  writeFileSync(join(folder, 'file'), 'text');
  await expect(listen('file')).rejects.toThrow(/\(EEXIST\): that is no socket/);
  await expect(listen('missing/socket')).rejects.toThrow(/there is no such folder/);
});
