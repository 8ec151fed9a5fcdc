/** The admin socket, over a real socket file. */
import { rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServices, OperationError } from '../../src/admin/operation.ts';
import {
  type AdminSocket,
  answerWith,
  callServer,
  NoServerError,
  openAdminSocket,
  socketPath,
} from '../../src/admin/socket.ts';
import { type Store, StoreUnavailableError } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';

let folder: string;
let socket: AdminSocket | undefined;
let stopped = 0;

const house: AdminServices = {
  // The only operation used here that looks into it is queue.list.
  store: {
    queue: {
      list(): never {
        throw new StoreUnavailableError('the database cannot be reached');
      },
    },
  } as unknown as Store,
  defaultDomain: 'example.com',
  addressClass: async () => 'local',
  recipientExists: async () => true,
  parameters: {} as AdminServices['parameters'],
  hashPassword: async () => '',
  wake: () => {},
  server: {
    reload: async () => ['é'.repeat(200_000)],
    status: async () => ({ domain: 'example.com' }),
    metrics: async () => [],
    plugins: () => [],
    done: () => {},
    stop: () => (stopped += 1),
    reportLogin: async () => ({ address: null, answeredBy: '', why: '', scheme: null, mechanisms: [], limits: [] }),
    explain: async () => ({ service: null, assumed: [], steps: [], destinations: [] }),
    logIn: async () => ({ ok: false, reason: 'credentials' }),
  },
  flush: async () => 0,
  clock: Date.now,
  progress: () => {},
};

beforeEach(async () => {
  folder = temporaryFolder('admin');
  socket = await openAdminSocket(folder, answerWith(house, quietLog));
  stopped = 0;
});
afterEach(async () => {
  await socket?.close();
  removeFolder(folder);
});

/** The response to raw octets. */
const send = (octets: string): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    const raw = connect(socketPath(folder), () => raw.write(octets));
    raw.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    raw.on('error', () => {});
    raw.on('close', () => resolve(text));
  });

describe('the admin socket', () => {
  it('answers operations, also with long answers, and is accessible to its owner only', async () => {
    expect(await callServer(folder, 'server.status', {})).toEqual({ domain: 'example.com' });
    expect(await callServer(folder, 'server.reload', {})).toEqual({ notes: ['é'.repeat(200_000)] });
    expect(statSync(socketPath(folder)).mode & 0o777).toBe(0o600);
  });

  it('returns a refusal as a refusal', async () => {
    await expect(callServer(folder, 'user.sing', {})).rejects.toThrow(
      new OperationError('unknown operation "user.sing"'),
    );
    await expect(callServer(folder, 'user.add', {})).rejects.toThrow('"address" is missing');
    await expect(callServer(folder, 'queue.list', {})).rejects.toThrow(
      new StoreUnavailableError('the database cannot be reached'),
    );
  });

  it('answers invalid requests, and cuts off endless ones', async () => {
    expect(await send('hello\n')).toContain('error');
    expect(await send('null\n')).toContain('unknown operation');
    expect(await send('{"name":"server.status","given":7}\n')).toContain('a JSON object was expected');
    expect(await send('x'.repeat(2 * 1024 * 1024))).toBe('');
  });

  it('has a time limit for a silent server, not for one that is working', async () => {
    const still = temporaryFolder('admin');
    const standing = createServer(() => {}).listen(socketPath(still));
    await expect(callServer(still, 'server.status', {}, { silence: 30 })).rejects.toThrow(
      /is running but has not answered for 0\.03 s: its event loop is blocked/,
    );
    const working = createServer((client) => {
      client.on('data', () => {
        client.write('  ');
        client.end(' {"result":7}\n');
      });
    });
    standing.close();
    rmSync(socketPath(still), { force: true });
    working.listen(socketPath(still));
    expect(await callServer(still, 'server.status', {})).toBe(7);
    working.close();
    removeFolder(still);
  });

  it('says how far long work is, and ends it when the client is gone', async () => {
    await socket?.close();
    const failed = Promise.withResolvers<unknown>();
    socket = await openAdminSocket(folder, async (line, progress = () => {}) => {
      const { name } = JSON.parse(line) as { readonly name: string };
      try {
        for (let done = 1; name === 'endless' || done <= 3; done += 1) {
          progress(done, 3);
          await delay(name === 'endless' ? 1 : 210);
        }
        return { result: 'é'.repeat(100_000) };
      } catch (error) {
        failed.resolve(error);
        return { error: 'ended' };
      }
    });
    const heard: number[] = [];
    const progress = (done: number): void => void heard.push(done);
    expect(await callServer(folder, 'some', {}, { progress })).toBe('é'.repeat(100_000));
    expect(heard).toEqual([1, 2, 3]);
    const client = connect(socketPath(folder), () => client.write('{"name":"endless","given":{}}\n'));
    client.once('data', () => client.destroy());
    expect(await failed.promise).toMatchObject({ message: 'ended, because the command was' });
  });

  it('reports that no server is running, and closes while a client is silent', async () => {
    const silent = connect(socketPath(folder));
    await new Promise((resolve) => silent.once('connect', resolve));
    await callServer(folder, 'server.stop', {});
    expect(stopped).toBe(1);
    const ended = new Promise((resolve) => silent.once('close', resolve));
    await socket?.close();
    socket = undefined;
    await ended;
    await expect(callServer(folder, 'server.status', {})).rejects.toBeInstanceOf(NoServerError);
  });
});
