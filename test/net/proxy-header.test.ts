/** A listener behind a proxy: what the sessions get, what is refused, and what is counted. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { Ends } from '../../src/net/ends.ts';
import { SocketLineConnection } from '../../src/net/line-connection.ts';
import { type Listener, type ListenOptions, listen } from '../../src/net/listener.ts';
import type { UpstreamProxy } from '../../src/net/proxy-header.ts';
import { temporaryIdentity } from '../kit/identity.ts';
import { openLoopback } from '../kit/loopback.ts';
import { ip4, version2 } from '../kit/proxy-header.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\r\n');
const V2 = version2(1, 0x11, ip4('192.0.2.7', '198.51.100.1', 51234, 25));
const LONG = version2(1, 0x11, Buffer.alloc(4000));
const LOCAL = version2(0, 0x00, Buffer.alloc(0));
const CLIENT = { ip: '192.0.2.7', port: 51234 };
const SERVER = { ip: '198.51.100.1', port: 25 };
const from = (ip: string): Buffer => Buffer.from(`PROXY TCP4 ${ip} 198.51.100.1 51234 25\r\n`);
const behind = (more: Partial<UpstreamProxy> = {}): UpstreamProxy => ({
  timeout: 10_000,
  takesUnknown: true,
  faultReply: '421 no\r\n',
  trusts: () => true,
  ...more,
});

interface House {
  readonly listener: Listener;
  readonly refused: string[];
  /** The next session. */
  session(): Promise<{ readonly connection: SocketLineConnection; readonly ends: Ends }>;
}

async function open(proxy: UpstreamProxy | null = behind(), more: Partial<ListenOptions> = {}): Promise<House> {
  const refused: string[] = [];
  const waiting: PromiseWithResolvers<Awaited<ReturnType<House['session']>>>[] = [];
  let taken = 0;
  const at = (index: number) => (waiting[index] ??= Promise.withResolvers());
  let served = 0;
  const listener = await listen({
    name: 'smtp',
    address: '127.0.0.1',
    port: 0,
    tls: { mode: 'none' },
    maxConnections: 100,
    maxPerIp: 0,
    proxy: () => proxy,
    onConnection: (socket, ends) => {
      closers.push(() => socket.destroy());
      at(served++).resolve({ connection: new SocketLineConnection(socket, { ends }), ends });
    },
    onRefused: ({ ip, reason }) => refused.push(`${ip}: ${reason}`),
    ...more,
  });
  closers.push(() => listener.close());
  return { listener, refused, session: () => at(taken++).promise };
}

async function dial({ listener }: House): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true, noDelay: true });
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Everything that the server says until it closes. */
async function words(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  return text;
}

describe('P21: behind a proxy', () => {
  it('the client and its server are those of the header, and what follows in the same packet is read', async () => {
    for (const header of [V1, V2]) {
      const house = await open();
      const socket = await dial(house);
      socket.write(Buffer.concat([header, Buffer.from('EHLO one\r\nNOOP\r\n')]));
      const { connection, ends } = await house.session();
      expect(ends).toEqual({ remote: CLIENT, local: SERVER, isProxied: true });
      expect(connection).toMatchObject({ remote: CLIENT, local: SERVER, isProxied: true });
      // As without a proxy, input comes although nobody reads it yet.
      await expect.poll(() => connection.hasInput).toBe(true);
      expect(String(await connection.readLine(100))).toBe('EHLO one');
      expect(String(await connection.readLine(100))).toBe('NOOP');
      socket.end('QUIT\r\n');
      expect(String(await connection.readLine(100))).toBe('QUIT');
      expect(await connection.readLine(100)).toBeNull();
    }
  });

  it('the header may be split anywhere', async () => {
    for (const header of [V1, V2]) {
      const octets = Buffer.concat([header, Buffer.from('EHLO one\r\n')]);
      const house = await open();
      for (let cut = 1; cut <= header.length; cut += 1) {
        const socket = await dial(house);
        socket.write(octets.subarray(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        socket.end(octets.subarray(cut));
        const { connection, ends } = await house.session();
        expect(ends.remote).toEqual(CLIENT);
        expect(String(await connection.readLine(100))).toBe('EHLO one');
        expect(await connection.readLine(100)).toBeNull();
        connection.destroy();
      }
    }
  });

  it('a client that ends right after the header is a session that ends', async () => {
    const house = await open();
    const socket = await dial(house);
    socket.end(V1);
    const { connection } = await house.session();
    expect(await connection.readLine(100)).toBeNull();
    connection.write('bye\r\n');
    void connection.close();
    expect(await words(socket)).toBe('bye\r\n');
  });

  it('a proxy that speaks for itself, or does not know the client, is the client', async () => {
    for (const header of [LOCAL, Buffer.from('PROXY UNKNOWN\r\n')]) {
      const house = await open();
      const socket = await dial(house);
      socket.write(header);
      const { ends } = await house.session();
      expect(ends).toEqual({
        remote: { ip: '127.0.0.1', port: socket.localPort },
        local: { ip: '127.0.0.1', port: house.listener.port },
        isProxied: true,
      });
    }
  });

  it('a client that its proxy does not know is refused where that is said', async () => {
    const house = await open(behind({ takesUnknown: false, faultReply: '421 no\r\n' }));
    const socket = await dial(house);
    socket.write('PROXY UNKNOWN\r\nEHLO x\r\n');
    expect(await words(socket)).toBe('421 no\r\n');
  });

  it('TLS begins after the header, also in the same packet', async () => {
    const tls = { mode: 'implicit', identity: await temporaryIdentity(['localhost']) } as const;
    const house = await open(behind(), { tls });
    for (const joined of [true, false]) {
      const relay = await openLoopback((client) => {
        const server = connectTcp({ host: '127.0.0.1', port: house.listener.port, noDelay: true });
        server.on('error', () => client.destroy());
        if (!joined) server.write(V2);
        client.once('data', (hello: Buffer) => {
          server.write(joined ? Buffer.concat([V2, hello]) : hello);
          client.pipe(server);
        });
        server.pipe(client);
      });
      closers.push(() => relay.close());
      const client: TLSSocket = connectTls({ host: '127.0.0.1', port: relay.port, rejectUnauthorized: false });
      client.on('error', () => {});
      closers.push(() => client.destroy());
      await once(client, 'secureConnect');
      client.write('a NOOP\r\n');
      const { connection, ends } = await house.session();
      expect(ends).toEqual({ remote: CLIENT, local: SERVER, isProxied: true });
      expect(connection.tls).not.toBeNull();
      expect(String(await connection.readLine(100))).toBe('a NOOP');
    }
    const gone = await dial(house);
    gone.end(V1);
    expect(await words(gone)).toBe('');
    expect(house.refused).toEqual([
      '192.0.2.7: TLS handshake failed: the peer closed the connection during the TLS handshake',
    ]);
  });

  it('STARTTLS works as without one', async () => {
    const identity = await temporaryIdentity(['localhost']);
    const secured = Promise.withResolvers<SocketLineConnection>();
    const house = await open(behind(), {
      onConnection: async (socket, ends) => {
        const connection = new SocketLineConnection(socket, { identity, ends });
        expect(String(await connection.readLine(100))).toBe('STARTTLS');
        connection.write('220 go\r\n');
        await connection.startTls();
        secured.resolve(connection);
      },
    });
    const socket = await dial(house);
    socket.write(`${V1}STARTTLS\r\n`);
    await once(socket, 'data');
    const client = connectTls({ socket, rejectUnauthorized: false });
    closers.push(() => client.destroy());
    await once(client, 'secureConnect');
    client.write('EHLO two\r\n');
    const connection = await secured.promise;
    expect(String(await connection.readLine(100))).toBe('EHLO two');
    expect(connection.remote).toEqual(CLIENT);
  });
});

describe('what is no header', () => {
  it.each([
    ['another protocol', 'EHLO client.example\r\n', 'no PROXY header'],
    ['a header with faults', 'PROXY TCP4 192.0.2.7\r\n', 'a PROXY header with a faulty address or port'],
  ])('is answered and never read as a command: %s', async (_what, octets, reason) => {
    const house = await open();
    const socket = await dial(house);
    socket.write(octets);
    expect(await words(socket)).toBe('421 no\r\n');
    expect(house.refused).toEqual([`127.0.0.1: ${reason}`]);
    await expect.poll(() => house.listener.connections).toBe(0);
  });

  it('is refused after the time limit, however much of it comes', async () => {
    const house = await open(behind({ timeout: 30 }));
    const idle = words(await dial(house));
    const slow = await dial(house);
    let sent = 0;
    const drip = setInterval(() => slow.write(LONG.subarray(sent, ++sent)), 5);
    closers.push(() => clearInterval(drip));
    expect(await Promise.all([idle, words(slow)])).toEqual(['421 no\r\n', expect.stringMatching(/^(?:421 no\r\n)?$/)]);
    const reason = '127.0.0.1: no PROXY header within 0.03 s';
    expect(house.refused).toEqual([reason, reason]);
    await expect.poll(() => house.listener.connections).toBe(0);
  });

  it('leaves no line in the log if a balancer only looks whether the port is open', async () => {
    const house = await open();
    const polite = await dial(house);
    polite.end();
    expect(await words(polite)).toBe('421 no\r\n');
    const rude = await dial(house);
    rude.resetAndDestroy();
    await expect.poll(() => house.listener.connections).toBe(0);
    expect(house.refused).toEqual([]);
    const cut = await dial(house);
    cut.end('PROXY TCP4 ');
    await words(cut);
    expect(house.refused).toEqual(['127.0.0.1: the connection ended within the PROXY header']);
  });

  it('is not even read from a peer that is no trusted proxy', async () => {
    const house = await open(behind({ trusts: (ip) => ip === '192.0.2.1' }));
    const socket = await dial(house);
    socket.write(V1);
    expect(await words(socket)).toBe('');
    expect(house.refused).toEqual(['127.0.0.1: not a trusted proxy']);
  });
});

describe('the limits', () => {
  it('count the clients, not the proxy, and name them', async () => {
    const house = await open(behind(), { maxPerIp: 1, busyReply: '421 busy\r\n' });
    const first = await dial(house);
    first.write(from('192.0.2.7'));
    const { connection } = await house.session();
    const other = await dial(house);
    other.write(from('192.0.2.8'));
    await house.session();
    const second = await dial(house);
    second.write(from('192.0.2.7'));
    expect(await words(second)).toBe('421 busy\r\n');
    expect(house.refused).toEqual(['192.0.2.7: more than 1 connections from this client']);
    connection.destroy();
    await expect.poll(() => house.listener.connections).toBe(1);
    const third = await dial(house);
    third.write(from('192.0.2.7'));
    await house.session();
  });

  it('of all connections hold before the header too', async () => {
    const house = await open(behind(), { maxConnections: 2, busyReply: '421 busy\r\n' });
    await dial(house);
    await dial(house);
    await expect.poll(() => house.listener.connections).toBe(2);
    const third = await dial(house);
    third.write(V1);
    expect(await words(third)).toBe('421 busy\r\n');
    expect(house.refused).toEqual(['127.0.0.1: more than 2 connections']);
  });

  it('a port that closes drops connections without a header', async () => {
    const house = await open();
    const socket = await dial(house);
    await expect.poll(() => house.listener.connections).toBe(1);
    await house.listener.close();
    await words(socket);
    await expect.poll(() => house.listener.connections).toBe(0);
  });
});
