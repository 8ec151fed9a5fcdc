import { afterEach, beforeEach, expect, it } from 'vitest';
import { SharedTables } from '../../src/lookup/tables.ts';
import { connectTable } from '../../src/net/table-connection.ts';
import { type LoopbackServer, openLoopback } from '../kit/loopback.ts';

let server: LoopbackServer;

beforeEach(async () => {
  server = await openLoopback((socket) => {
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      const key = octets.toString('latin1').replace(/^get /, '').trim();
      if (key === 'silent') return;
      socket.write(key === 'maomao' ? '200 maomao@baidu.com\n' : '500 not%20here\n');
    });
  });
});

afterEach(() => server.close());

it('P5: a tcp table is queried over a real socket', async () => {
  const log = { info() {}, warn() {} };
  const table = new SharedTables({ resolvePath: (path) => path, log, clock: Date.now, connect: connectTable }).open(
    `tcp:127.0.0.1:${server.port}`,
  );
  expect(await table.get('maomao')).toBe('maomao@baidu.com');
  expect(await table.get('nobody')).toBeUndefined();
});

it('a server that does not answer is abandoned after the configured time', async () => {
  const connection = await connectTable({ host: '127.0.0.1', port: server.port }, 50);
  connection.write(Buffer.from('get silent\n'));
  await expect(connection.read()).rejects.toThrow('no answer within 0.05 s');
});

it('a port without a listener fails at once', async () => {
  await server.close();
  await expect(connectTable({ host: '127.0.0.1', port: server.port }, 1000)).rejects.toThrow('ECONNREFUSED');
});
