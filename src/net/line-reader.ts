/**
 * Pull-based reading of a peer's input: lines, and in between octets that are counted or scanned for an end marker.
 *
 * A line without an end costs linear time, and its octets are dropped as they arrive. One reader at a time.
 */
import { InputTooLongError } from './connection.ts';
import { LineBuffer } from './line-buffer.ts';

const CR = 0x0d;
const LINE_END = 2;
const NOTHING = Buffer.alloc(0);
/** Octets kept from each end of a line that is too long. */
const KEPT = 1024;

export class LineReader {
  readonly #buffer = new LineBuffer();
  readonly #skipLimit: number;
  readonly #onStarving: (withinLine: boolean) => void;
  /** The last line read ended with a bare LF. */
  endedWithLf = false;
  #ended = false;
  #wakeReader: (() => void) | null = null;

  /**
   * `skipLimit`: how many octets of a line that is too long are skipped to find its end; `onStarving` is called when a
   * reader waits for more input, with whether it has part of a line.
   */
  constructor(skipLimit: number, onStarving: (withinLine: boolean) => void) {
    this.#skipLimit = skipLimit;
    this.#onStarving = onStarving;
  }

  /** Octets received but not consumed. */
  get length(): number {
    return this.#buffer.length;
  }

  /** The octets that are read next, at most `length`. */
  peek(length: number): Buffer {
    return this.#buffer.peek(length);
  }

  get hasLine(): boolean {
    return this.#buffer.findLine() >= 0;
  }

  /** A reader is waiting for the peer. */
  get isStarving(): boolean {
    return this.#wakeReader !== null;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#buffer.push(chunk);
    this.#wake();
  }

  /** Accepts no more input; what was received before can still be read. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  clear(): void {
    this.#buffer.clear();
  }

  /** As LineConnection.readLine. */
  async readLine(limit: number): Promise<Buffer | null> {
    for (;;) {
      const length = this.#buffer.findLine();
      if (length >= 0 && length <= limit + 2) {
        const line = this.#buffer.take(length);
        this.endedWithLf = line[line.length - 2] !== CR;
        const end = line.length - (this.endedWithLf ? 1 : 2);
        if (end <= limit) return line.subarray(0, end);
        throw new InputTooLongError(limit, {
          start: line.subarray(0, KEPT),
          end: line.subarray(Math.max(0, end - KEPT), end),
          complete: true,
        });
      }
      if (length >= 0 || this.#buffer.length > limit + 1) throw new InputTooLongError(limit, await this.#skipLine());
      if (this.#ended) return null;
      await this.#more(this.#buffer.length > 0);
    }
  }

  /** The next octets as received, up to one chunk; null at the end of input. */
  async readChunk(): Promise<Buffer | null> {
    for (;;) {
      if (this.#buffer.length > 0) return this.#buffer.takePiece(this.#buffer.length);
      if (this.#ended) return null;
      await this.#more(false);
    }
  }

  /** Puts back the part of a chunk from `readChunk` that its reader did not need. */
  unread(octets: Buffer): void {
    this.#buffer.unread(octets);
  }

  /** As LineConnection.readBytes. */
  async *readBytes(length: number): AsyncIterable<Buffer> {
    let left = length;
    while (left > 0) {
      if (this.#buffer.length > 0) {
        const piece = this.#buffer.takePiece(left);
        left -= piece.length;
        yield piece;
      } else if (this.#ended) {
        return;
      } else {
        await this.#more(false);
      }
    }
  }

  /**
   * Drops a line that is too long, however it is split, except for its beginning and its end; if it exceeds
   * `skipLimit`, the input ends.
   */
  async #skipLine(): Promise<{ readonly start: Buffer; readonly end: Buffer; readonly complete: boolean }> {
    let budget = this.#skipLimit;
    let start: Buffer | null = null;
    let end = NOTHING;
    for (;;) {
      const length = this.#buffer.findLine();
      const piece = this.#buffer.take(length >= 0 ? length : this.#buffer.length);
      // Copied: a slice would keep the whole piece in memory.
      start ??= Buffer.from(piece.subarray(0, KEPT));
      end = Buffer.concat([end, piece.subarray(-KEPT - LINE_END)]).subarray(-KEPT - LINE_END);
      if (length >= 0)
        return { start, end: end.subarray(0, end.length - (end[end.length - 2] === CR ? 2 : 1)), complete: true };
      budget -= piece.length;
      if (budget < 0) this.end();
      if (this.#ended) return { start, end, complete: false };
      await this.#more(true);
    }
  }

  #more(withinLine: boolean): Promise<void> {
    this.#onStarving(withinLine);
    return new Promise((resolve) => {
      this.#wakeReader = resolve;
    });
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = null;
    wake?.();
  }
}
