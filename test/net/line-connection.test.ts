import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { InputTooLongError } from '../../src/net/connection.ts';
import { type SocketConnectionOptions, SocketLineConnection } from '../../src/net/line-connection.ts';
import { type Listener, listen } from '../../src/net/listener.ts';
import type { TlsIdentity } from '../../src/net/tls.ts';
import { temporaryIdentity } from '../kit/identity.ts';

let identity: TlsIdentity;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  identity = await temporaryIdentity(['localhost', '127.0.0.1']);
});

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A client's socket and the server side of the same connection. */
async function pair(options: SocketConnectionOptions = {}): Promise<{ client: Socket; server: SocketLineConnection }> {
  const accepted = Promise.withResolvers<SocketLineConnection>();
  const listener: Listener = await listen({
    name: 'test',
    address: '127.0.0.1',
    port: 0,
    tls: { mode: 'none' },
    maxConnections: 10,
    maxPerIp: 0,
    onConnection: (socket) => accepted.resolve(new SocketLineConnection(socket, { identity, ...options })),
  });
  const client = connectTcp({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true });
  client.on('error', () => {});
  await once(client, 'connect');
  const server = await accepted.promise;
  closers.push(
    () => client.destroy(),
    () => server.destroy(),
    () => listener.close(),
  );
  return { client, server };
}

const text = async (line: Promise<Buffer | null>): Promise<string | undefined> => (await line)?.toString('latin1');

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Everything that the client receives until the server closes. */
async function received(client: Socket): Promise<string> {
  let all = '';
  for await (const chunk of client) all += (chunk as Buffer).toString('latin1');
  return all;
}

describe('reading', () => {
  it('returns lines ended by CRLF or LF, however they are split into packets', async () => {
    const { client, server } = await pair();
    for (const octet of Buffer.from('one\r\ntwo\nthree\r\n\r\n')) client.write(Buffer.of(octet));
    expect(await text(server.readLine(100))).toBe('one');
    expect(await text(server.readLine(100))).toBe('two');
    expect(await text(server.readLine(100))).toBe('three');
    expect(await text(server.readLine(100))).toBe('');
  });

  it('returns null at the end of input and drops an unterminated last line', async () => {
    const { client, server } = await pair();
    client.end('whole\r\nhalf');
    expect(await text(server.readLine(100))).toBe('whole');
    expect(await server.readLine(100)).toBeNull();
  });

  it('still sends replies to a client that half-closed', async () => {
    const { client, server } = await pair();
    client.end('QUIT\r\n');
    expect(await text(server.readLine(100))).toBe('QUIT');
    expect(await server.readLine(100)).toBeNull();
    server.write('+OK bye\r\n');
    const all = received(client);
    await server.close();
    expect(await all).toBe('+OK bye\r\n');
  });

  it('accepts a line of exactly the limit and refuses one octet more, then reads the next line', async () => {
    const { client, server } = await pair();
    client.write(`${'a'.repeat(50)}\r\n${'b'.repeat(51)}\r\n${'c'.repeat(500)}\r\nafter\r\n`);
    expect((await server.readLine(50))?.length).toBe(50);
    await expect(server.readLine(50)).rejects.toThrow(InputTooLongError);
    await expect(server.readLine(50)).rejects.toThrow(InputTooLongError);
    expect(await text(server.readLine(50))).toBe('after');
  });

  it('reports the start and the end of a line that is too long, however it is split', async () => {
    const { client, server } = await pair();
    const line = `tag ${'a'.repeat(5000)} {8+}`;
    for (const piece of [
      line.slice(0, 3),
      line.slice(3, 4000),
      line.slice(4000, -2),
      `${line.slice(-2)}\r`,
      '\nafter\r\n',
    ]) {
      client.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const error = await server.readLine(1000).catch((thrown: unknown) => thrown);
    if (!(error instanceof InputTooLongError)) throw error;
    expect([error.start.toString().slice(0, 5), error.end.toString().slice(-6), error.complete]).toEqual([
      'tag a',
      'a {8+}',
      true,
    ]);
    expect(await text(server.readLine(1000))).toBe('after');
  });

  it('finds the end of a line of 16 MB and continues, if it may skip that much', async () => {
    const { client, server } = await pair({ skipLimit: 32 << 20 });
    client.write(Buffer.alloc(16 << 20, 0x61));
    client.write('\r\nafter\r\n');
    await expect(server.readLine(1000)).rejects.toThrow(InputTooLongError);
    expect(await text(server.readLine(1000))).toBe('after');
  });

  it('ends the input if a line has no end within the skip limit', async () => {
    const { client, server } = await pair({ skipLimit: 1 << 20 });
    client.write(Buffer.alloc(4 << 20, 0x61));
    await expect(server.readLine(1000)).rejects.toThrow(InputTooLongError);
    expect(await server.readLine(1000)).toBeNull();
  });

  it('reads a complete line of 16 MB if the limit allows it', async () => {
    const { client, server } = await pair();
    client.write(Buffer.alloc(16 << 20, 0x61));
    client.write('\r\n');
    expect((await server.readLine(32 << 20))?.length).toBe(16 << 20);
  });

  it('returns exactly the octets of a literal and leaves the rest', async () => {
    const { client, server } = await pair();
    const literal = Buffer.alloc(300_000, 0x0a);
    client.write('{300000}\r\n');
    client.write(literal);
    client.write('rest\r\n');
    await server.readLine(100);
    expect((await collect(server.readBytes(300_000))).equals(literal)).toBe(true);
    expect(await text(server.readLine(100))).toBe('rest');
  });

  it('ends a literal early if the client disconnects', async () => {
    const { client, server } = await pair();
    client.end('12345');
    expect((await collect(server.readBytes(10))).toString()).toBe('12345');
  });

  it('reports whether a complete line is buffered', async () => {
    const { client, server } = await pair();
    client.write('one\r\ntwo\r\nthr');
    await server.readLine(100);
    expect(server.hasLine).toBe(true);
    await server.readLine(100);
    expect(server.hasLine).toBe(false);
  });

  it('stops reading from a client that sends faster than the server reads', async () => {
    const { client, server } = await pair();
    const whole = Buffer.alloc(64 << 20, 0x61);
    let taken = false;
    client.write(whole, () => {
      taken = true;
    });
    const first = collect(server.readBytes(100_000));
    await first;
    expect(taken).toBe(false);
    expect((await collect(server.readBytes(whole.length - 100_000))).length).toBe(whole.length - 100_000);
  });
});

describe('writing', () => {
  it('sends everything queued in one tick in order, whatever its type', async () => {
    const { client, server } = await pair();
    server.write('a\r\n');
    server.write('b\xff\r\n');
    server.write(Buffer.from('c\r\n'));
    server.write('d\r\n');
    server.write(Buffer.alloc(200_000, 0x65));
    client.end();
    const all = received(client);
    await server.close();
    expect(await all).toBe(`a\r\nb\xff\r\nc\r\nd\r\n${'e'.repeat(200_000)}`);
  });

  it('makes the writer wait for a client that does not read, and resumes it afterwards', async () => {
    const { client, server } = await pair();
    client.pause();
    const piece = Buffer.alloc(1 << 20, 0x61);
    let waiting: Promise<void> | null = null;
    for (let i = 0; i < 64 && waiting === null; i += 1) {
      server.write(piece);
      const drained = server.drained();
      const first = await Promise.race([
        drained.then(() => 'drained'),
        new Promise((resolve) => setImmediate(resolve, 'waits')),
      ]);
      if (first === 'waits') waiting = drained;
    }
    expect(waiting).not.toBeNull();
    client.resume();
    await waiting;
  });

  it('resumes a waiting writer when the client is gone', async () => {
    const { client, server } = await pair();
    client.pause();
    server.write(Buffer.alloc(64 << 20));
    const drained = server.drained();
    client.resetAndDestroy();
    await drained;
    expect(server.signal.aborted).toBe(true);
  });
});

describe('the end', () => {
  it('aborts its signal when the client resets', async () => {
    const { client, server } = await pair();
    const aborted = once(server.signal, 'abort');
    client.resetAndDestroy();
    await aborted;
    expect(await server.readLine(10)).toBeNull();
    server.write('nobody hears this');
    await server.close();
  });

  it('sends a final message to an idle client and closes', async () => {
    const { client, server } = await pair();
    server.setIdleTimeout(1, () => server.write('* BYE idle\r\n'));
    const line = server.readLine(100);
    expect(await received(client)).toBe('* BYE idle\r\n');
    expect(await line).toBeNull();
    client.end();
  });
});

describe('G4: STARTTLS', () => {
  const upgrade = (client: Socket): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const tls = connectTls({ socket: client, rejectUnauthorized: false }, () => resolve(tls));
      tls.on('error', reject);
    });

  it('continues encrypted on the same connection', async () => {
    const { client, server } = await pair();
    client.write('STLS\r\n');
    expect(await text(server.readLine(100))).toBe('STLS');
    server.write('+OK begin\r\n');
    const [greeting] = await Promise.all([
      once(client, 'data'),
      server.startTls().then(() => undefined),
      once(client, 'data').then(() => upgraded(client)),
    ]);
    expect(String(greeting[0])).toBe('+OK begin\r\n');

    async function upgraded(socket: Socket): Promise<void> {
      const tls = await upgrade(socket);
      tls.write('CAPA\r\n');
      closers.push(() => tls.destroy());
    }
    expect(server.tls?.protocol).toBe('TLSv1.3');
    expect(server.tls?.bits).toBeGreaterThanOrEqual(128);
    expect(await text(server.readLine(100))).toBe('CAPA');
  });

  it('discards a command in the same packet as STLS', async () => {
    const { client, server } = await pair();
    client.write('STLS\r\nUSER injected\r\n');
    await server.readLine(100);
    server.write('+OK begin\r\n');
    const started = server.startTls();
    await once(client, 'data');
    const tls = await upgrade(client);
    await started;
    tls.write('NOOP\r\n');
    expect(await text(server.readLine(100))).toBe('NOOP');
    tls.destroy();
  });

  it('refuses the handshake if clear text arrives in a later packet', async () => {
    const { client, server } = await pair();
    client.write('STLS\r\n');
    await server.readLine(100);
    server.write('+OK begin\r\n');
    const started = server.startTls();
    started.catch(() => {});
    await once(client, 'data');
    client.write('USER injected\r\nPASS injected\r\n');
    await expect(started).rejects.toThrow();
    expect(await server.readLine(100)).toBeNull();
    expect(server.signal.aborted).toBe(true);
  });

  it('limits the time of a handshake that does not start', async () => {
    const { client, server } = await pair({ handshakeTimeout: 1 });
    client.resume();
    await expect(server.startTls()).rejects.toThrow('no TLS handshake');
    expect(server.signal.aborted).toBe(true);
  });

  it('detects at once that the client left during a handshake', async () => {
    const { client, server } = await pair();
    const secured = expect(server.startTls()).rejects.toThrow(
      'the peer closed the connection during the TLS handshake',
    );
    client.destroy();
    await secured;
    expect(server.signal.aborted).toBe(true);
  });

  it('sends nothing in clear text during a handshake, and can be closed then', async () => {
    const { client, server } = await pair({});
    const said: Buffer[] = [];
    client.on('data', (chunk: Buffer) => said.push(chunk));
    const secured = expect(server.startTls()).rejects.toThrow('handshake');
    await new Promise((resolve) => setImmediate(resolve));
    server.write('* BYE too late\r\n');
    await server.close();
    await secured;
    expect(server.signal.aborted).toBe(true);
    expect(Buffer.concat(said).toString('latin1')).toBe('');
  });

  it('refuses STLS without a certificate, and a second one', async () => {
    const { server } = await pair({ identity: undefined });
    await expect(server.startTls()).rejects.toThrow('no TLS certificate');
  });
});
