/** A house in this process: what no command from outside can time so closely. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type RunningHouse, startHouse } from '../../src/app/house.ts';
import { freeOffset } from '../stack/launch.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<RunningHouse> {
  const root = mkdtempSync(join(tmpdir(), 'posthorn-house-'));
  folders.push(root);
  const configDirectory = join(root, 'config');
  mkdirSync(configDirectory);
  writeFileSync(join(configDirectory, 'main.cf'), 'myhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\nalias_database =\n');
  writeFileSync(join(configDirectory, 'master.cf'), 'smtp inet n - n - - smtpd\n');
  const portOffset = await freeOffset();
  return startHouse({ configDirectory, dataDirectory: join(root, 'data'), portOffset, accounts: [], printLog: false, onStop: () => {} });
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

it('a stop in the middle of reloads leaves no door open, and refuses the reloads that had not begun', async () => {
  const house = await open();
  const ports = house.listeners.map(({ port }) => port);
  const [port = 0] = ports;
  expect(await isOpen(port)).toBe(true);
  const first = house.reload();
  const second = house.reload().then(
    () => 'reloaded',
    (error: Error) => error.message,
  );
  await new Promise((resolve) => setImmediate(resolve));
  await house.close(1000);
  await first;
  expect(await second).toBe('the server is stopping');
  expect(await Promise.all(ports.map(isOpen))).toEqual(ports.map(() => false));
  expect(house.listeners).toEqual([]);
});
