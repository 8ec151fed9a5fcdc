/**
 * Octets between processes, some with each request: the reader asks for the next ones, so a slow reader holds the writer
 * back, and no message is in memory as a whole.
 */

export type Piece = Uint8Array | string;

/** At one time, of one worker. */
const MOST_OPEN = 1_000;
/** Of a body, with one request. */
const OCTETS_AT_ONCE = 65_536;

interface Open {
  readonly iterator: AsyncIterator<unknown>;
  /** 1: whatever comes first. */
  readonly octets: number;
  /** What came behind the octets that were given last. */
  failure: { readonly error: unknown } | null;
}

/** Iterables that the other process reads by number. */
export class Streams {
  readonly #open = new Map<number, Open>();
  #last = 0;

  /** Pieces are gathered. Returns the number. */
  open(iterable: AsyncIterable<unknown>): number {
    return this.#add(iterable, OCTETS_AT_ONCE);
  }

  /** Each piece is given when it is there: of a connection. */
  openLive(iterable: AsyncIterable<unknown>): number {
    return this.#add(iterable, 1);
  }

  /** The next octets; null at the end. Rejects with what the iterable throws, and is then at its end. */
  async next(number: unknown): Promise<Buffer | null> {
    const open = this.#open.get(number as number);
    if (open === undefined) return null;
    const pieces: Buffer[] = [];
    let size = 0;
    try {
      if (open.failure !== null) throw open.failure.error;
      while (size < open.octets) {
        const { done, value } = await open.iterator.next();
        if (done === true) {
          this.#open.delete(number as number);
          break;
        }
        const piece = octetsOf(value);
        pieces.push(piece);
        size += piece.length;
      }
    } catch (error) {
      if (pieces.length > 0) open.failure = { error };
      else {
        this.#open.delete(number as number);
        throw error;
      }
    }
    return pieces.length === 0 ? null : Buffer.concat(pieces);
  }

  /** Nobody reads the rest. */
  async stop(number: unknown): Promise<void> {
    const open = this.#open.get(number as number);
    this.#open.delete(number as number);
    await open?.iterator.return?.();
  }

  #add(iterable: AsyncIterable<unknown>, octets: number): number {
    if (this.#open.size >= MOST_OPEN) throw new Error(`more than ${MOST_OPEN} streams are open`);
    this.#last += 1;
    this.#open.set(this.#last, { iterator: iterable[Symbol.asyncIterator](), octets, failure: null });
    return this.#last;
  }
}

/** Structured clone makes a Buffer a Uint8Array. */
function octetsOf(value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
  throw new TypeError(`a piece of a body must be a text or octets, not ${value === null ? 'null' : typeof value}`);
}

/** What `next` gives until it gives null; `stop` is called where the reader ends earlier. */
export async function* readOctets(next: () => Promise<unknown>, stop: () => unknown): AsyncGenerator<Buffer, void> {
  let isOver = false;
  try {
    for (let piece = await next(); piece !== null; piece = await next()) yield octetsOf(piece);
    isOver = true;
  } finally {
    if (!isOver) await stop();
  }
}
