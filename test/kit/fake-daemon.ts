/** A program that tests put in place of a daemon: it hears what comes, and answers as the test says. */
import { createServer, type Socket } from 'node:net';

export interface FakeDaemon extends AsyncDisposable {
  /** `inet:127.0.0.1:port` */
  readonly place: string;
  readonly port: number;
  /** What each connection has sent so far. */
  readonly heard: readonly Buffer[];
}

/** `answer` is called with everything that a connection has sent, each time that there is more. */
export async function fakeDaemon(answer: (heard: Buffer, socket: Socket) => void): Promise<FakeDaemon> {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const at = heard.push(Buffer.alloc(0)) - 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      const all = Buffer.concat([heard[at] ?? Buffer.alloc(0), piece]);
      heard[at] = all;
      answer(all, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    heard,
    port: address.port,
    place: `inet:127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Sends until the other side has enough. */
export function flood(socket: Socket, piece: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}
