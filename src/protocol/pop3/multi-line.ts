/**
 * The body of a multi-line response (RFC 1939 section 3): lines that begin with a dot are dot-stuffed, and
 * `.` on a line of its own ends it. Streaming; a chunk without such lines is passed on without a copy.
 */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\n.');

export class DotStuffer {
  /** The last octets were a line end (or there were none yet). */
  #lineStart = true;
  #lastIsCr = false;

  /** Returns the octets to send for a chunk. */
  push(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    const dotFirst = this.#lineStart && chunk[0] === DOT;
    const last = chunk[chunk.length - 1];
    this.#lineStart = last === LF;
    this.#lastIsCr = last === CR;
    if (!dotFirst && chunk.indexOf(LINE_DOT) < 0) return chunk;
    const stuffed = chunk.toString('latin1').replaceAll('\n.', '\n..');
    return Buffer.from(dotFirst ? `.${stuffed}` : stuffed, 'latin1');
  }

  /** Ends the last line if the message does not, then the response. */
  end(): string {
    if (this.#lineStart) return '.\r\n';
    return this.#lastIsCr ? '\n.\r\n' : '\r\n.\r\n';
  }
}

/** TOP (RFC 1939 section 7): the header, the blank line, and a number of lines of the body. */
export class TopCutter {
  #bodyLines: number;
  #inHeader = true;
  /** Octets of the current header line so far, not counting CR. */
  #lineLength = 0;
  #done = false;

  constructor(lines: number) {
    this.#bodyLines = lines;
  }

  /** No more input is needed. */
  get done(): boolean {
    return this.#done;
  }

  /** Returns the part of the chunk that belongs to the response. */
  push(chunk: Buffer): Buffer {
    let at = 0;
    while (at < chunk.length && !this.#done) {
      if (!this.#inHeader && this.#bodyLines === 0) {
        this.#done = true;
        break;
      }
      const lf = chunk.indexOf(LF, at);
      const end = lf < 0 ? chunk.length : lf;
      if (this.#inHeader) {
        this.#lineLength += end - at - (chunk[end - 1] === CR && end > at ? 1 : 0);
        if (lf >= 0) {
          if (this.#lineLength === 0) this.#inHeader = false;
          this.#lineLength = 0;
        }
      } else if (lf >= 0) {
        this.#bodyLines -= 1;
      }
      at = lf < 0 ? chunk.length : lf + 1;
    }
    if (!this.#inHeader && this.#bodyLines === 0) this.#done = true;
    return chunk.subarray(0, at);
  }
}
