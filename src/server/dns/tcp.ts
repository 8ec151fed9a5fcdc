/**
 * DNS over TCP (RFC 7766): length-prefixed messages, any number per connection, answered in order. A client that sends
 * slowly, is idle, or does not read is disconnected. At most one of its queries is processed at a time, and meanwhile
 * no more than one query and one chunk of its input is read.
 */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { plainIp } from '../../net/peer-address.ts';
import { frame, transferMessages } from '../../protocol/dns/transfer.ts';
import type { Response } from './responder.ts';

export interface StreamOptions {
  /** Idle time in either direction, ms (BIND: tcp-idle-timeout). */
  readonly idleTimeout: number;
  /** From a query's first octet to its last, ms. */
  readonly queryTimeout: number;
  respond(octets: Uint8Array, ip: string): Response | Promise<Response>;
  /** Called when a whole zone has been sent. */
  onTransfer(response: Extract<Response, { readonly kind: 'transfer' }>, ip: string, octets: number): void;
  onFault(error: unknown): void;
  clock(): number;
}

/** A question with EDNS has at most some 300 octets; an UPDATE, which we refuse, need not be read whole. */
const MAX_QUERY = 4096;

/** Resolves when the connection is closed; never rejects because of what the peer does. */
export async function serveStream(socket: Socket, options: StreamOptions): Promise<void> {
  const ip = plainIp(socket.remoteAddress ?? '');
  socket.setTimeout(options.idleTimeout, () => socket.destroy());
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const taken = async (): Promise<void> => {
    socket.uncork();
    if (socket.writableNeedDrain) await once(socket, 'drain', { signal: gone.signal });
    socket.cork();
  };
  let held: Buffer = Buffer.alloc(0);
  let begun = 0;
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (held.length === 0) begun = options.clock();
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      // Sends everything that is ready at once as one piece.
      socket.cork();
      try {
        for (let size = frameSize(held); size !== null && held.length >= size; size = frameSize(held)) {
          const query = held.subarray(2, size);
          held = held.subarray(size);
          begun = options.clock();
          if (!(await answer(socket, query, ip, options, taken))) return;
          if (socket.writableNeedDrain) await taken();
        }
      } finally {
        socket.uncork();
      }
      const size = frameSize(held);
      if (size !== null && size > MAX_QUERY) return;
      if (held.length > 0 && options.clock() - begun > options.queryTimeout) return;
    }
    // The client has finished sending and is waiting for the remaining answers.
    socket.end();
    if (!socket.writableFinished) await once(socket, 'close');
  } catch (error) {
    // Errors with a code (reset by the peer, idle timeout) need no report; without a code it is our own bug.
    if (!(error instanceof Error && 'code' in error)) options.onFault(error);
  } finally {
    socket.destroy();
  }
}

const frameSize = (held: Buffer): number | null => (held.length < 2 ? null : held.readUInt16BE(0) + 2);

/** False if the connection must be closed. `taken` resolves when the client has read what was written. */
async function answer(
  socket: Socket,
  query: Buffer,
  ip: string,
  options: StreamOptions,
  taken: () => Promise<void>,
): Promise<boolean> {
  const given = options.respond(query, ip);
  const response = given instanceof Promise ? await given : given;
  if (response.kind === 'none') return false;
  if (response.kind === 'message') {
    socket.write(frame(response.octets));
    return !socket.destroyed;
  }
  const { zone } = response.served;
  if (zone === null) return false;
  // A zone does not fit into the write buffer: each message is sent when the previous one has been read.
  let octets = 0;
  for (const message of transferMessages(zone, response.id, response.question)) {
    octets += message.length;
    if (!socket.write(frame(message))) await taken();
    if (socket.destroyed) return false;
  }
  options.onTransfer(response, ip, octets);
  return true;
}
