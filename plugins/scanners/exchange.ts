/**
 * One question to a program that judges messages: a connection, what is sent piece by piece, one answer. Bounded in time
 * and in the octets of the answer, whatever the program does.
 */
import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type PolicyEndpoint, parseEndpoint } from '../../src/lookup/policy-service.ts';

export type Endpoint = PolicyEndpoint;

/** For `setting.text`: where a program listens. */
export const ENDPOINT = {
  pattern: /^(?:unix:\/[^\0]{1,100}|inet:(?:\[[\da-fA-F:.]{2,45}\]|[\w.-]{1,253}):\d{1,5})$/,
  expected: 'a place such as "inet:127.0.0.1:3310" or "unix:/run/clamav/clamd.ctl"',
} as const;

/** Throws where the port of a place that ENDPOINT lets through is none. */
export function endpointOf(place: string): Endpoint {
  const endpoint = parseEndpoint(place);
  if (endpoint === null) throw new Error(`"${place}": expected a port from 1 to 65535`);
  return endpoint;
}

export interface ExchangeLimits {
  /** When the answer has to be there, ms of `performance.now()`. */
  readonly until: number;
  /** Octets of the answer. */
  readonly most: number;
}

export interface ExchangeForm {
  /** Says our end of data by closing our side of the connection. */
  readonly halfClose?: boolean;
  /** Whether an answer is complete before the other side closes. */
  readonly isWhole?: (answer: Buffer) => boolean;
}

/**
 * The answer: what came until it was whole, or until the other side closed, also if that was before everything was
 * sent. Rejects with an Error that says what went wrong.
 */
export function exchange(
  endpoint: Endpoint,
  question: AsyncIterable<Uint8Array>,
  { until, most }: ExchangeLimits,
  { halfClose = false, isWhole }: ExchangeForm = {},
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(endpoint);
  let answer = Buffer.alloc(0);
  const end = (settle: () => void): void => {
    clearTimeout(timer);
    socket.destroy();
    settle();
  };
  const fail = (error: Error): void => end(() => reject(error));
  const succeed = (): void => end(() => resolve(answer));
  const timer = setTimeout(
    () => fail(new Error('no answer within its "timeout"')),
    Math.max(0, until - performance.now()),
  );
  socket.on('data', (piece) => {
    if (answer.length + piece.length > most) {
      fail(new Error(`an answer of more than ${most} octets`));
      return;
    }
    answer = Buffer.concat([answer, piece]);
    if (isWhole?.(answer) === true) succeed();
  });
  socket.on('end', () => (answer.length > 0 ? succeed() : fail(new Error('closed the connection without an answer'))));
  socket.on('error', (error) => (answer.length > 0 ? succeed() : fail(error)));
  send(socket, question, halfClose).catch(fail);
  return promise;
}

/** The other side may answer before it has heard all: after each piece there is time to read. */
async function send(socket: Socket, question: AsyncIterable<Uint8Array>, halfClose: boolean): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for await (const piece of question) {
    if (socket.destroyed) return;
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    await setImmediate();
  }
  if (halfClose) socket.end();
}
