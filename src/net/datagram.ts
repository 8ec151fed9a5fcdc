/**
 * A UDP socket: datagrams in, datagrams out. Sending never waits and never throws: what the system
 * cannot send now is dropped, as UDP may; a peer asks again.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';

export interface DatagramOptions {
  /** What the port is for, in errors: `domain`. */
  readonly name: string;
  /** An IP address of this host. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** `data` is the callee's to keep. What it throws is reported to `onError`, never to the process. */
  onMessage(data: Buffer, from: { readonly address: string; readonly port: number }): void;
  onError(error: Error): void;
}

export interface DatagramSocket {
  readonly address: string;
  /** The real one, also where 0 was asked for. */
  readonly port: number;
  /** `data` must not change afterwards. */
  send(data: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  close(): Promise<void>;
}

/** Room for bursts of queries while the loop is busy; the system may give less. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Bytes that wait in the process because the system takes no more: beyond this, answers are dropped. */
const MAX_QUEUED = 1024 * 1024;

/** Rejects with an Error for people where the address cannot be bound. */
export async function openDatagram(options: DatagramOptions): Promise<DatagramSocket> {
  const family = options.address.includes(':') ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    // Peers are given by address: the resolver need not be asked, nor a tick be waited for.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const host = family === 6 ? `[${options.address}]` : options.address;
      reject(
        new Error(
          `${options.name}: cannot listen on ${host}:${options.port}/udp (${error.code ?? 'error'}): ${error.message}`,
          { cause: error },
        ),
      );
    });
    socket.bind({ address: options.address, port: options.port }, resolve);
  });
  socket.removeAllListeners('error');
  socket.on('error', (error) => options.onError(error));
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's own size serves as well.
  }
  socket.on('message', (data: Buffer, from: RemoteInfo) => {
    try {
      options.onMessage(data, from);
    } catch (error) {
      options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  });
  let closed = false;
  return {
    address: options.address,
    port: socket.address().port,
    send(data, to) {
      // A port of 0 cannot be answered, and node would throw.
      if (closed || to.port === 0 || socket.getSendQueueSize() > MAX_QUEUED) return;
      socket.send(data, to.port, to.address, ignore);
    },
    close: () =>
      new Promise((resolve) => {
        if (closed) return resolve();
        closed = true;
        socket.close(() => resolve());
        return undefined;
      }),
  };
}

const ignore = (): void => {};
