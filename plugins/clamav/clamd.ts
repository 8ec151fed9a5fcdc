/**
 * clamd's command INSTREAM (clamd(8)): a length, the octets, a length of 0, and an answer that ends with a NUL.
 *
 * clamd refuses a length above its StreamMaxLength at once, and closes. Who is sending then often hears of the closed
 * connection before the answer: in that case the length is sent again, and time is left for the answer to it.
 */
import { setTimeout } from 'node:timers/promises';
import { type Endpoint, exchange } from '../scanners/exchange.ts';
import { printable, sizeOf } from '../scanners/judging.ts';

export type Scan =
  | { readonly result: 'clean' | 'too_big'; readonly virus: null }
  | { readonly result: 'infected'; readonly virus: string };

/** `stream: ` and the name of a virus. */
const LONGEST_ANSWER = 4096;
/** ms */
const PATIENCE = 1000;

/** Rejects with an Error that says why clamd has not searched the message. `timeout` in seconds. */
export async function scan(endpoint: Endpoint, content: AsyncIterable<Uint8Array>, timeout: number): Promise<Scan> {
  const until = performance.now() + timeout * 1000;
  const size = await sizeOf(content);
  const ask = (patience: number): Promise<Buffer> =>
    exchange(
      endpoint,
      inStream(size, content, patience),
      { until, most: LONGEST_ANSWER },
      { isWhole: (octets) => octets.includes(0) },
    );
  return meaningOf(await ask(0).catch((error: unknown) => (isBroken(error) ? ask(PATIENCE) : Promise.reject(error))));
}

function meaningOf(answer: Buffer): Scan {
  const end = answer.indexOf(0);
  if (end < 0) throw new Error('closed the connection within its answer');
  const text = answer.toString('latin1', 0, end);
  if (text === 'stream: OK') return { result: 'clean', virus: null };
  if (text === 'INSTREAM size limit exceeded. ERROR') return { result: 'too_big', virus: null };
  const virus = /^stream: (.+) FOUND$/s.exec(text)?.[1];
  if (virus === undefined) throw new Error(`answered "${printable(text)}"`);
  return { result: 'infected', virus: printable(virus).slice(0, LONGEST_NAME) };
}

const LONGEST_NAME = 100;

const isBroken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET');

async function* inStream(
  size: number,
  content: AsyncIterable<Uint8Array>,
  patience: number,
): AsyncGenerator<Uint8Array> {
  yield Buffer.concat([Buffer.from('zINSTREAM\0'), lengthOf(size)]);
  if (patience > 0) await setTimeout(patience);
  yield* content;
  yield lengthOf(0);
}

function lengthOf(octets: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(octets);
  return length;
}
