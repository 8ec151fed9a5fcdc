/**
 * What a peer sent, read by pulling: lines, and counted octets behind them.
 *
 * A line without end costs linear time, and its octets are dropped as they come. One reader at a time.
 */
import { InputTooLongError } from './connection.ts';
import { LineBuffer } from './line-buffer.ts';

const CR = 0x0d;

export class LineReader {
  readonly #buffer = new LineBuffer();
  readonly #skipLimit: number;
  readonly #onStarving: () => void;
  #ended = false;
  #wakeReader: (() => void) | null = null;

  /** `skipLimit`: octets of a line that is too long which are skipped to find its end; `onStarving` is called when somebody waits for more. */
  constructor(skipLimit: number, onStarving: () => void) {
    this.#skipLimit = skipLimit;
    this.#onStarving = onStarving;
  }

  /** Octets that came and nobody has taken yet. */
  get length(): number {
    return this.#buffer.length;
  }

  get hasLine(): boolean {
    return this.#buffer.findLine() >= 0;
  }

  /** Somebody waits for the peer. */
  get isStarving(): boolean {
    return this.#wakeReader !== null;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    this.#buffer.push(chunk);
    this.#wake();
  }

  /** Nothing more is taken in; what came before can still be read. */
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
        const end = line.length - (line[line.length - 2] === CR ? 2 : 1);
        if (end <= limit) return line.subarray(0, end);
        throw new InputTooLongError(`a line longer than ${limit} octets`);
      }
      if (length >= 0 || this.#buffer.length > limit + 1) {
        await this.#skipLine();
        throw new InputTooLongError(`a line longer than ${limit} octets`);
      }
      if (this.#ended) return null;
      await this.#more();
    }
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
        await this.#more();
      }
    }
  }

  /** Drops the rest of a line that is too long, however it is cut; a rest beyond the limit ends the input. */
  async #skipLine(): Promise<void> {
    let budget = this.#skipLimit;
    for (;;) {
      const length = this.#buffer.findLine();
      if (length >= 0) {
        this.#buffer.take(length);
        return;
      }
      budget -= this.#buffer.length;
      this.#buffer.clear();
      if (this.#ended) return;
      if (budget < 0) {
        this.end();
        return;
      }
      await this.#more();
    }
  }

  #more(): Promise<void> {
    this.#onStarving();
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
