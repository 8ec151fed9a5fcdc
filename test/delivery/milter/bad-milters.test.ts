/** Milters that hang, close, answer rubbish or announce too much: milter_default_action, and a line in the log. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Judgement } from '../../../src/delivery/milter/judgement.ts';
import { Milters } from '../../../src/delivery/milter/milters.ts';
import { MilterWire, MilterWireError } from '../../../src/delivery/milter/wire.ts';
import type { Log } from '../../../src/log.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { connectionOf, tablesOf } from '../house.ts';

const BAD: Readonly<Record<string, (socket: Socket) => void>> = {
  hangs: () => {},
  'answers an octet at a time': (socket) => {
    socket.write(Buffer.from([0, 0, 0x40, 0]));
    const drip = setInterval(() => socket.write('x'), 50);
    socket.once('close', () => clearInterval(drip));
  },
  closes: (socket) => socket.end(),
  'answers rubbish': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'announces 1 GB': (socket) => socket.write(Buffer.from([0x40, 0, 0, 0, 0x4f])),
  'speaks of another protocol': (socket) => socket.write(Buffer.from([0, 0, 0, 13, 0x4f, ...Array(12).fill(255)])),
};

const servers = new Map<string, Server>();
beforeAll(async () => {
  for (const [name, answer] of Object.entries(BAD)) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    servers.set(name, server);
  }
});
afterAll(() => {
  for (const server of servers.values()) server.close();
});

/** What is said of a client, and what is logged. */
async function judged(port: number, action: string): Promise<{ judgement: Judgement | null; lines: string[] }> {
  const lines: string[] = [];
  const say = (_fields: object, text: string): void => void lines.push(text);
  const log: Log = { debug: () => {}, info: say, warn: say, error: say, child: () => log };
  const parameters = parametersOf({
    smtpd_milters: `{ inet:127.0.0.1:${port}, connect_timeout=1s, command_timeout=1s, default_action=${action} }`,
  });
  const session = await new Milters({ parameters, tables: tablesOf({}), log }).forClient(connectionOf());
  try {
    return { judgement: (await session?.connect('[127.0.0.1]', '127.0.0.1', 25)) ?? null, lines };
  } finally {
    session?.close();
  }
}

describe('a milter that', () => {
  it.each(Object.keys(BAD))('P9: %s is told in the log, and its default action stands', async (name) => {
    const server = servers.get(name) ?? expect.fail('it listens');
    const { port } = server.address() as AddressInfo;
    const [accept, reject, tempfail, quarantine] = await Promise.all(
      ['accept', 'reject', 'tempfail', 'quarantine'].map((action) => judged(port, action)),
    );
    expect(accept?.judgement).toBeNull();
    expect(reject?.judgement).toMatchObject({ kind: 'refuse', reply: { code: 550 } });
    expect(tempfail?.judgement).toMatchObject({ kind: 'refuse', reply: { code: 451 } });
    expect(quarantine?.judgement).toMatchObject({ kind: 'hold' });
    for (const one of [accept, reject, tempfail, quarantine])
      expect(one?.lines.join('\n')).toMatch(/^milter inet:127\.0\.0\.1:\d+: /);
  });

  it('P9: is not there is told in the log, and its default action stands', async () => {
    const { judgement, lines } = await judged(1, 'tempfail');
    expect(judgement).toMatchObject({ kind: 'refuse', reply: { code: 451 } });
    expect(lines.join('\n')).toMatch(/^connect to Milter service inet:127\.0\.0\.1:1: /);
  });
});

it('P9: a milter that reads no more holds neither the connection nor what it was to get', async () => {
  const taken = Promise.withResolvers<Socket>();
  const server = await openLoopback((socket) => taken.resolve(socket.pause()));
  try {
    const wire = await MilterWire.open({ host: '127.0.0.1', port: server.port }, 1000);
    const piece = Buffer.alloc(32 * 1024 * 1024);
    await expect(wire.send(piece, 50)).rejects.toThrow(MilterWireError);
    wire.close(Buffer.from('quit'));
    const socket = await taken.promise;
    let got = 0;
    socket.on('error', () => {}).on('data', (octets) => (got += octets.length));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await closed;
    expect(got).toBeLessThan(piece.length);
  } finally {
    await server.close();
  }
});
