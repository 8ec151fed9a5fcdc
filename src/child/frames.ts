/**
 * What two processes say to each other over a pipe: frames of a length (4 octets, little-endian), a kind (1 octet) and a
 * value. A value that JSON keeps as it is goes as JSON, which is four times as fast, any other one in the form of the
 * structured clone (node:v8). A frame's length is known before anything of it is decoded.
 */
import { DefaultSerializer, deserialize } from 'node:v8';

const HEAD = 5;

export const KIND = { message: 0, question: 1 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];
/** Added to the kind of a frame in JSON. */
const JSON_FORM = 2;

/**
 * Of a frame from a child, octets. Values take time to decode, about 50 ms for so many; octets (Uint8Array) take none.
 */
const MOST_OF_VALUES = 1_048_576;
const MOST_OF_OCTETS = 134_217_728;
const LONGEST_FRAME = HEAD + MOST_OF_VALUES + MOST_OF_OCTETS;

const { _writeHostObject: writeView } = DefaultSerializer.prototype as unknown as {
  _writeHostObject(view: ArrayBufferView): void;
};

class FrameWriter extends DefaultSerializer {
  octets = 0;

  /** Called by V8 for each view of octets. */
  _writeHostObject(view: ArrayBufferView): void {
    this.octets += view.byteLength;
    writeView.call(this, view);
  }
}

/** Throws for a value that cannot be cloned: functions, sockets, promises. */
export function frameOf(kind: Kind, value: unknown): Buffer {
  return written(kind, value).frame;
}

/** As `frameOf`, and throws also for a value that is too large to leave a child. */
export function boundedFrameOf(kind: Kind, value: unknown): Buffer {
  const { frame, octets } = written(kind, value);
  if (octets > MOST_OF_OCTETS || frame.length - octets > MOST_OF_VALUES)
    throw new RangeError(
      `larger than ${MOST_OF_VALUES / 1024 ** 2} MiB (and ${MOST_OF_OCTETS / 1024 ** 2} MiB of octets) at once`,
    );
  return frame;
}

/** `octets`: how many of the frame are octets in the value. */
function written(kind: Kind, value: unknown): { readonly frame: Buffer; readonly octets: number } {
  if (isPlain(value, 0)) return { frame: jsonFrame(kind, JSON.stringify(value)), octets: 0 };
  const writer = new FrameWriter();
  writer.writeRawBytes(Buffer.alloc(HEAD));
  writer.writeHeader();
  writer.writeValue(value);
  const frame = writer.releaseBuffer();
  frame.writeUInt32LE(frame.length - HEAD);
  frame[HEAD - 1] = kind;
  return { frame, octets: writer.octets };
}

function jsonFrame(kind: Kind, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(HEAD + length);
  frame.writeUInt32LE(length);
  frame[HEAD - 1] = kind + JSON_FORM;
  frame.write(text, HEAD);
  return frame;
}

const DEEPEST = 20;

/** JSON gives it back as it is: no undefined, NaN, -0, dates, maps, octets; nothing nested deeply or in itself. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value === 'boolean' || value === null) return true;
  if (typeof value !== 'object' || depth > DEEPEST) return false;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) if (!isPlain(value[at], depth + 1)) return false;
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key of Object.keys(value))
    if (!isPlain((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return false;
  return true;
}

/** Whether a value can leave a child alone. */
export function isSendable(value: unknown): boolean {
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || value === undefined) return true;
  try {
    boundedFrameOf(KIND.message, value);
    return true;
  } catch {
    return false;
  }
}

export interface FrameOptions {
  readonly onFrame: (kind: number, value: unknown) => void;
  /** A frame that is too long, or is none; nothing more is read. */
  readonly onFault: (fault: string) => void;
}

/** Puts frames together. The pieces of a frame are joined once. */
export class FrameReader {
  readonly #options: FrameOptions;
  #pieces: Buffer[] = [];
  #size = 0;
  #isOver = false;

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  push(piece: Buffer): void {
    if (this.#isOver) return;
    this.#pieces.push(piece);
    this.#size += piece.length;
    while (!this.#isOver && this.#size >= HEAD) {
      const length = HEAD + this.#head().readUInt32LE();
      if (length > LONGEST_FRAME) this.#end(`sent ${length} octets at once`);
      else if (this.#size < length) return;
      else this.#give(length);
    }
  }

  #give(length: number): void {
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces, this.#size);
    this.#size -= length;
    this.#pieces = this.#size === 0 ? [] : [all.subarray(length)];
    let value: unknown;
    try {
      value = decoded(all[HEAD - 1] as number, all.subarray(HEAD, length));
    } catch {
      this.#end('sent something that is no message');
      return;
    }
    this.#options.onFrame((all[HEAD - 1] as number) % JSON_FORM, value);
  }

  /** The first octets, in one piece. */
  #head(): Buffer {
    const [first] = this.#pieces as [Buffer];
    if (first.length >= HEAD) return first;
    this.#pieces = [Buffer.concat(this.#pieces, this.#size)];
    return this.#pieces[0] as Buffer;
  }

  #end(fault: string): void {
    this.#isOver = true;
    this.#pieces = [];
    this.#options.onFault(fault);
  }
}

/** Waits for a frame. `read`: fills the buffer, or returns 0 at the end. Null: the end. */
export function readFrame(read: (into: Buffer) => number): unknown {
  const head = readFully(Buffer.allocUnsafe(HEAD), read);
  const body = head === null ? null : readFully(Buffer.allocUnsafe(head.readUInt32LE()), read);
  return head === null || body === null ? null : decoded(head[HEAD - 1] as number, body);
}

const decoded = (kind: number, octets: Buffer): unknown =>
  kind >= JSON_FORM ? (JSON.parse(octets.toString('utf8')) as unknown) : deserialize(octets);

function readFully(into: Buffer, read: (into: Buffer) => number): Buffer | null {
  for (let done = 0; done < into.length; ) {
    const count = read(into.subarray(done));
    if (count === 0) return null;
    done += count;
  }
  return into;
}
