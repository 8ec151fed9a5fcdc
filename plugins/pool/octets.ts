/** A message on its way into a thread: its beginning comes with the work, the rest when the thread asks for it. */

/** The beginning of a message. */
export interface Beginning {
  readonly first: Uint8Array;
  /** There is no more. */
  readonly isWhole: boolean;
}

export interface OpenContent {
  readonly beginning: Beginning;
  /** The next octets; null at the end. Answers the thread's `more`. */
  next(): Promise<Uint8Array | null>;
  /** To be called when the work is over, however it ended. */
  close(): Promise<void>;
}

/** Octets that cross to the thread at once. */
const PIECE = 256 * 1024;

/** Reads up to a piece in advance, so that a short message crosses with its work. */
export async function openContent(content: AsyncIterable<Uint8Array>): Promise<OpenContent> {
  const source = content[Symbol.asyncIterator]();
  const piece = async (): Promise<{ readonly octets: Uint8Array; readonly isEnd: boolean }> => {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (size < PIECE) {
      const { value, done } = await source.next();
      if (done === true) return { octets: joined(parts), isEnd: true };
      parts.push(value);
      size += value.length;
    }
    return { octets: joined(parts), isEnd: false };
  };
  const { octets, isEnd } = await piece();
  let isOver = isEnd;
  return {
    beginning: { first: octets, isWhole: isEnd },
    async next() {
      if (isOver) return null;
      const more = await piece();
      isOver = more.isEnd;
      return more.octets.length === 0 ? null : more.octets;
    },
    async close() {
      isOver = true;
      await source.return?.();
    },
  };
}

/** In memory of its own: a part of Node's shared memory would be copied with all of it. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}

/** In the thread: the message. `more` asks for the next octets. */
export async function* octetsOf(
  { first, isWhole }: Beginning,
  more: () => Promise<Uint8Array | null>,
): AsyncGenerator<Buffer> {
  yield bufferOf(first);
  if (isWhole) return;
  for (let next = await more(); next !== null; next = await more()) yield bufferOf(next);
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);
