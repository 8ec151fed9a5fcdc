/** A server in this process, for sequences that a command from outside cannot time precisely. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { RunningServer } from '../../src/app/running-server.ts';
import { startServer } from '../../src/app/start-server.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

async function open(): Promise<RunningServer> {
  const { root, config, data } = makeFolders({
    'main.cf': 'myhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\nalias_database =\n',
    'master.cf': 'smtp inet n - n - - smtpd\n',
  });
  folders.push(root);
  const portOffset = await freeOffset();
  return startServer({
    configDirectory: config,
    dataDirectory: data,
    portOffset,
    accounts: [],
    printLog: false,
    onStop: () => {},
  });
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

it('a stop during reloads leaves no port open, and refuses reloads that have not started', async () => {
  const server = await open();
  const ports = server.listeners.map(({ port }) => port);
  const [port = 0] = ports;
  expect(await isOpen(port)).toBe(true);
  const first = server.reload();
  const second = server.reload().then(
    () => 'reloaded',
    (error: Error) => error.message,
  );
  await new Promise((resolve) => setImmediate(resolve));
  await server.close(1000);
  await first;
  expect(await second).toBe('the server is stopping');
  expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => false));
  expect(server.listeners).toEqual([]);
});

it('a reload during a session keeps the configuration that the session started with, until the session ends', async () => {
  const server = await open();
  const [{ port = 0 } = {}] = server.listeners;
  const greeted = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'data');
    return socket;
  };
  const first = await greeted();
  await server.reload();
  const second = await greeted();
  await server.reload();
  expect(server.generations).toBe(3);
  // During a message the old configuration is still used.
  for (const [command, code] of [
    ['EHLO client.example\r\n', '250'],
    ['RSET\r\n', '250'],
  ] as const) {
    first.write(command);
    expect(String(await once(first, 'data'))).toMatch(new RegExp(`^${code}`));
  }
  first.end('QUIT\r\n');
  await expect.poll(() => server.generations).toBe(2);
  second.destroy();
  await expect.poll(() => server.generations).toBe(1);
  await server.reload();
  expect(server.generations).toBe(1);
  await server.close(0);
});

it('a reload after a stop has started is refused, and a second stop waits for the first', async () => {
  const server = await open();
  const closing = server.close(0);
  await expect(server.reload()).rejects.toThrow('the server is stopping');
  expect(server.close(5_000)).toBe(closing);
  await closing;
});

it('a client that is silent in the middle of a message is disconnected when the grace period of a stop is over', async () => {
  const server = await open();
  const [{ port = 0 } = {}] = server.listeners;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'data');
  socket.write('EHLO client.example\r\n');
  await once(socket, 'data');
  socket.write('MAIL FROM:<a@example.org>\r\n');
  await once(socket, 'data');
  const gone = once(socket, 'close');
  socket.on('error', () => {}).resume();
  await server.close(50);
  await gone;
});
