/**
 * Octets between threads, a piece for each request: the reader asks for the next one, so a slow reader holds the writer
 * back, and no message is in memory as a whole.
 */

export type Piece = Uint8Array | string;

/** At one time, of one worker. */
const MOST_OPEN = 1_000;

/** Iterables that the other thread reads by number. */
export class Streams {
  readonly #open = new Map<number, AsyncIterator<unknown>>();
  #last = 0;

  /** Returns the number. */
  open(iterable: AsyncIterable<unknown>): number {
    if (this.#open.size >= MOST_OPEN) throw new Error(`more than ${MOST_OPEN} streams are open`);
    this.#last += 1;
    this.#open.set(this.#last, iterable[Symbol.asyncIterator]());
    return this.#last;
  }

  /** The next piece; null at the end. Rejects with what the iterable throws, and is then at its end. */
  async next(number: unknown): Promise<Piece | null> {
    const iterator = this.#open.get(number as number);
    if (iterator === undefined) return null;
    try {
      const { done, value } = await iterator.next();
      if (done !== true) return pieceOf(value);
    } catch (error) {
      this.#open.delete(number as number);
      throw error;
    }
    this.#open.delete(number as number);
    return null;
  }

  /** Nobody reads the rest. */
  async stop(number: unknown): Promise<void> {
    const iterator = this.#open.get(number as number);
    this.#open.delete(number as number);
    await iterator?.return?.();
  }
}

function pieceOf(value: unknown): Piece {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new TypeError(`a piece of a body must be a text or octets, not ${value === null ? 'null' : typeof value}`);
}

/** What `next` gives until it gives null; `stop` is called where the reader ends earlier. */
export async function* readPieces(next: () => Promise<unknown>, stop: () => unknown): AsyncGenerator<Piece, void> {
  let isOver = false;
  try {
    for (;;) {
      const piece = await next();
      if (piece === null) break;
      yield pieceOf(piece);
    }
    isOver = true;
  } finally {
    if (!isOver) await stop();
  }
}

/** As Buffers: structured clone makes a Buffer a Uint8Array. */
export async function* readOctets(pieces: AsyncIterable<Piece>): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces)
    yield typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.length);
}
