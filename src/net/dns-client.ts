/**
 * Queries to another name server: over UDP with retries (NOTIFY), and over TCP for transfers.
 * Every wait has a deadline and every answer a size limit; the caller's signal cancels it at once.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import { decodeMessage, encodeMessage, type Message } from '../protocol/dns/message.ts';
import { frame } from '../protocol/dns/transfer.ts';
import { openDatagram } from './datagram.ts';
import { plainIp } from './peer-address.ts';

/** An unpredictable message ID. */
export const randomId = (): number => randomInt(0x10000);

/** Retries until an answer arrives: `waits` are the ms after each try. Null if there was none. */
export async function askOverUdp(
  server: Endpoint,
  query: Message,
  options: { readonly waits: readonly number[]; readonly signal: AbortSignal },
): Promise<Message | null> {
  const { promise, resolve } = Promise.withResolvers<Message | null>();
  const octets = encodeMessage(query);
  const socket = await openDatagram({
    name: 'named',
    address: server.address.includes(':') ? '::' : '0.0.0.0',
    port: 0,
    onMessage: (data, from) => {
      if (plainIp(from.address) !== server.address || from.port !== server.port) return;
      const message = decodeMessage(data);
      if (message.qr && message.id === query.id) resolve(message);
    },
    // An invalid message, or ICMP "port unreachable": the next try may succeed.
    onError: () => {},
  });
  const stop = (): void => resolve(null);
  options.signal.addEventListener('abort', stop, { once: true });
  let timer: NodeJS.Timeout | undefined;
  const attempt = (count: number): void => {
    const wait = options.waits[count];
    if (wait === undefined) {
      stop();
      return;
    }
    socket.send(octets, server);
    timer = setTimeout(attempt, wait, count + 1);
  };
  attempt(0);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', stop);
    await socket.close();
  }
}

export interface DnsStream {
  send(message: Message): void;
  /** The next message; rejects when the server closes the connection or takes too long. */
  receive(): Promise<Message>;
  close(): void;
}

/** Rejects if the server cannot be reached within `timeout` ms. `maxOctets` limits all that it may send. */
export async function openDnsStream(
  server: Endpoint,
  options: { readonly timeout: number; readonly maxOctets: number; readonly signal: AbortSignal },
): Promise<DnsStream> {
  const socket = connect({ host: server.address, port: server.port, noDelay: true });
  socket.setTimeout(options.timeout, () => socket.destroy(new Error(`no answer within ${options.timeout / 1000} s`)));
  const abort = (): void => {
    socket.destroy(new Error('stopped'));
  };
  if (options.signal.aborted) abort();
  options.signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => options.signal.removeEventListener('abort', abort));
  await once(socket, 'connect');
  // Later errors surface in the iteration below; without this listener, one between two reads would be uncaught.
  socket.on('error', () => {});
  const messages = readMessages(socket, options.maxOctets);
  return {
    send: (message) => {
      socket.write(frame(encodeMessage(message)));
    },
    receive: async () => {
      const next = await messages.next();
      if (next.done) throw new Error('the server closed the connection before the answer');
      return next.value;
    },
    close: () => socket.destroy(),
  };
}

async function* readMessages(chunks: AsyncIterable<Buffer>, maxOctets: number): AsyncGenerator<Message, void, void> {
  let pieces: Buffer[] = [];
  let held = 0;
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > maxOctets) throw new Error(`more than ${maxOctets} octets`);
    pieces.push(chunk);
    held += chunk.length;
    // Joined once a message is complete, so that many small pieces cost no more than a few large ones.
    let size = sizeOf(pieces);
    if (size === null || held < size) continue;
    let joined = Buffer.concat(pieces);
    while (size !== null && joined.length >= size) {
      yield decodeMessage(joined.subarray(2, size));
      joined = joined.subarray(size);
      size = sizeOf([joined]);
    }
    pieces = joined.length > 0 ? [joined] : [];
    held = joined.length;
  }
}

function sizeOf(pieces: readonly Buffer[]): number | null {
  const [first, second] = pieces;
  if (first === undefined || first.length === 0) return null;
  const low = first[1] ?? second?.[0];
  return low === undefined ? null : (((first[0] ?? 0) << 8) | low) + 2;
}
