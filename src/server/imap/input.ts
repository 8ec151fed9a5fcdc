/**
 * The client's input: lines, and the literals that lines announce (RFC 9051 section 4.3, RFC 7888).
 *
 * Guarantee: octets of a literal are never read as a command. However little of a command was consumed (because it was
 * refused, or failed in the middle of a message), `finish` skips the rest, or reports that it cannot; the session then
 * has to end.
 */
import { InputTooLongError, type LineConnection } from '../../net/connection.ts';
import { type LiteralHead, literalAtEnd } from '../../protocol/imap/scanner.ts';

/** Octets of one command that are read and discarded to find its end. */
const SKIP_LIMIT = 64 * 1024 * 1024;

/** `lost`: too much would have to be discarded. `gone`: the peer closed its side first. */
export type Finished = 'ready' | 'lost' | 'gone';

export class CommandInput {
  readonly #connection: Pick<LineConnection, 'readLine' | 'readBytes'>;
  #announced: LiteralHead | null = null;
  /** Remaining octets of the current literal. */
  #left = 0;
  /** A literal was started, and the rest of its command line has not been read. */
  #midLine = false;
  #lost = false;

  constructor(connection: Pick<LineConnection, 'readLine' | 'readBytes'>) {
    this.#connection = connection;
  }

  /** The literal announced at the end of the last line, until it is read. */
  get announced(): LiteralHead | null {
    return this.#announced;
  }

  /** A line without its CRLF, in latin1; null at the end of input. Throws InputTooLongError. */
  async readLine(limit: number): Promise<string | null> {
    this.#announced = null;
    this.#midLine = false;
    try {
      const line = (await this.#connection.readLine(limit))?.toString('latin1') ?? null;
      if (line !== null) this.#announced = literalAtEnd(line);
      return line;
    } catch (error) {
      if (error instanceof InputTooLongError) this.#followLongLine(error);
      throw error;
    }
  }

  /** An overlong line may announce a literal too. */
  #followLongLine({ end, complete }: InputTooLongError): void {
    const text = end.toString('latin1');
    this.#announced = literalAtEnd(text);
    // The announced size is not completely within the kept part of the line.
    this.#lost = !complete || /^\d*\+?\}$/.test(text);
  }

  /**
   * The octets of the announced literal, in pieces as they arrive; they end early if the peer disconnects (see
   * `complete`).
   */
  async *readLiteral(): AsyncGenerator<Buffer, void> {
    const literal = this.#announced;
    if (literal === null) return;
    this.#announced = null;
    this.#midLine = true;
    this.#left = literal.size;
    for await (const piece of this.#connection.readBytes(literal.size)) {
      this.#left -= piece.length;
      yield piece;
    }
  }

  /** Every octet of the last literal was read. */
  get complete(): boolean {
    return this.#left === 0;
  }

  /** Skips the rest of the current command. A synchronizing literal that was not requested is never sent. */
  async finish(lineLimit: number): Promise<Finished> {
    for (let budget = SKIP_LIMIT; ; ) {
      if (this.#lost) return 'lost';
      if (!this.#midLine && (this.#announced === null || this.#announced.sync)) return 'ready';
      budget -= this.#midLine ? this.#left : (this.#announced?.size ?? 0);
      if (budget < 0) return 'lost';
      await this.#dropLiteral();
      if (!this.complete) return 'gone';
      const line = await this.#dropLine(lineLimit);
      if (line === null) return 'gone';
      budget -= line + 1;
    }
  }

  async #dropLiteral(): Promise<void> {
    if (!this.#midLine) {
      for await (const _ of this.readLiteral());
      return;
    }
    for await (const piece of this.#connection.readBytes(this.#left)) this.#left -= piece.length;
  }

  /** Returns how many octets the line had; null at the end of input. */
  async #dropLine(limit: number): Promise<number | null> {
    try {
      return (await this.readLine(limit))?.length ?? null;
    } catch (error) {
      if (error instanceof InputTooLongError) return limit;
      throw error;
    }
  }
}
