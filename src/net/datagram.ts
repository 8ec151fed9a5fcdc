/**
 * A UDP socket. Sending never waits and never throws: a datagram that the system
 * cannot send now is dropped, as UDP allows; the peer will retry.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';

export interface DatagramOptions {
  /** Service name for error messages: `domain`. */
  readonly name: string;
  /** An IP address of this host. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The callee may keep `data`. Exceptions are reported to `onError`, never to the process. */
  onMessage(data: Buffer, from: { readonly address: string; readonly port: number }): void;
  onError(error: Error): void;
}

export interface DatagramSocket {
  readonly address: string;
  /** The actual port, even if 0 was requested. */
  readonly port: number;
  /** `data` must not change afterwards. */
  send(data: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  close(): Promise<void>;
}

/** For bursts of queries while the event loop is busy; the system may grant less. */
const RECEIVE_BUFFER = 1024 * 1024;
/** Bytes queued in the process because the system accepts no more: above this, answers are dropped. */
const MAX_QUEUED = 1024 * 1024;

/** Rejects with a user-readable Error if the address cannot be bound. */
export async function openDatagram(options: DatagramOptions): Promise<DatagramSocket> {
  const family = options.address.includes(':') ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    // Peers are given as IP addresses: avoids a call to the resolver and an extra tick.
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
    // One process of several shares a port that was asked for, and none that the system chose.
    socket.bind({ address: options.address, port: options.port, exclusive: options.port === 0 }, resolve);
  });
  socket.removeAllListeners('error');
  socket.on('error', (error) => options.onError(error));
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER);
  } catch {
    // The system's default size will do.
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
      // Port 0 cannot be a destination; node would throw.
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
