/** The body that plugins left, piece by piece. */
import type { HarakaTransaction } from './haraka.ts';

export class BodyReader {
  readonly #transaction: HarakaTransaction;
  #pieces: AsyncIterator<Buffer> | null = null;

  constructor(transaction: HarakaTransaction) {
    this.#transaction = transaction;
  }

  /** Null at its end; the next call begins again. */
  async next(): Promise<Uint8Array | null> {
    this.#pieces ??= this.#transaction.message_stream[Symbol.asyncIterator]({ skip_headers: true });
    const { value, done } = await this.#pieces.next();
    if (done !== true) return value;
    this.#pieces = null;
    return null;
  }
}
