import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TableUnavailableError } from '../../src/lookup/table-fault.ts';
import type { TableConnect } from '../../src/lookup/table-type.ts';
import { type LoopbackServer, openLoopback } from '../kit/loopback.ts';
import { openTables } from '../kit/tables.ts';

/** A table connection over a plain socket. */
const overSocket: TableConnect = async (endpoint) => {
  const socket = connect(endpoint);
  await once(socket, 'connect');
  const chunks = socket.iterator({ destroyOnReturn: false });
  return {
    write: (data) => void socket.write(data),
    read: async () => {
      const { value, done } = await chunks.next();
      return done === true ? null : value;
    },
    destroy: () => void socket.destroy(),
  };
};

let server: LoopbackServer;
afterEach(() => server.close());

async function serve(answer: (request: string, socket: Socket) => void): Promise<number> {
  server = await openLoopback((socket) => {
    socket.on('data', (data) => answer(data.toString(), socket));
    socket.on('error', () => socket.destroy());
  });
  return server.port;
}

describe('P5: tables of other servers', () => {
  test('tcp: keys and values are percent-encoded, 500 means not found, 400 is a temporary fault', async () => {
    const answers: Readonly<Record<string, string>> = {
      'get a%20b%25\n': '200 c%20d\n',
      'get no\n': '500 not found\n',
      'get later\n': '400 busy\n',
    };
    const port = await serve((request, socket) => socket.write(answers[request] ?? '400 what\n'));
    const table = openTables({ connect: overSocket }).tables.open(`tcp:127.0.0.1:${port}`);
    expect(await Promise.all([table.get('a b%'), table.get('no')])).toEqual(['c d', undefined]);
    await expect(table.get('later')).rejects.toThrow('busy');
    expect(await table.get('no')).toBeUndefined();
  });

  test('socketmap: netstrings may arrive in pieces', async () => {
    const port = await serve((request, socket) => {
      socket.write(request === '13:virtual a@b.c,' ? '6:OK x' : '9:NOTFOUND ');
      setImmediate(() => socket.write(request === '13:virtual a@b.c,' ? ' y,' : ','));
    });
    const table = openTables({ connect: overSocket }).tables.open(`socketmap:inet:127.0.0.1:${port}:virtual`);
    expect(await table.get('a@b.c')).toBe('x y');
    expect(await table.get('zz')).toBeUndefined();
  });

  test('after a server has closed an idle connection, a new one is opened', async () => {
    const port = await serve((_request, socket) => socket.end('200 ok\n'));
    const table = openTables({ connect: overSocket }).tables.open(`tcp:127.0.0.1:${port}`);
    expect([await table.get('a'), await table.get('b')]).toEqual(['ok', 'ok']);
  });

  test('a server that does not listen, or sends an endless answer, is a temporary fault', async () => {
    const port = await serve((_request, socket) => socket.write('x'.repeat(200_000)));
    const { tables } = openTables({ connect: overSocket });
    await expect(tables.open(`tcp:127.0.0.1:${port}`).get('a')).rejects.toThrow(TableUnavailableError);
    await expect(tables.open('tcp:127.0.0.1:1').get('a')).rejects.toThrow(TableUnavailableError);
  });

  test('a server that says nothing is waited for once, however many questions wait behind the first', async () => {
    const asked = Promise.withResolvers<void>();
    let questions = 0;
    const port = await serve(() => {
      questions += 1;
      asked.resolve();
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const table = openTables({ connect: overSocket }).tables.open(`tcp:127.0.0.1:${port}`);
      const answers = Array.from({ length: 100 }, (_, i) => table.get(`key${i}`));
      const all = Promise.allSettled(answers);
      await asked.promise;
      vi.advanceTimersByTime(10_000);
      expect((await all).map(({ status }) => status)).toEqual(Array(100).fill('rejected'));
      await expect(answers[99]).rejects.toThrow(/no answer within 10 s$/);
      expect(questions).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
