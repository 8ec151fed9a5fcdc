/**
 * The body of a multi-line reply (RFC 1939 section 3): a dot is put before each line that begins with one, and
 * the end is `.` on a line of its own. Streaming; a chunk without such a line passes without a copy.
 */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\n.');

export class DotStuffer {
  /** The last octets were a line's end (or nothing came yet). */
  #lineStart = true;
  #lastIsCr = false;

  /** The octets to send for a chunk. */
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

  /** Ends the last line where the message does not, then the reply. */
  end(): string {
    if (this.#lineStart) return '.\r\n';
    return this.#lastIsCr ? '\n.\r\n' : '\r\n.\r\n';
  }
}

/** TOP (RFC 1939 section 7): the header, its blank line, and so many lines of the body. */
export class TopCutter {
  #bodyLines: number;
  #inHeader = true;
  /** Octets of the current header line so far, CR not counted. */
  #lineLength = 0;
  #done = false;

  constructor(lines: number) {
    this.#bodyLines = lines;
  }

  /** Nothing more is wanted. */
  get done(): boolean {
    return this.#done;
  }

  /** The part of the chunk that belongs to the reply. */
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
