/**
 * A message's octets as sent after DATA (RFC 5321 section 4.5.2): dot-stuffed, lines longer than smtp_line_length_limit
 * broken by CRLF SPACE as in Postfix, the last line terminated.
 *
 * Guarantee: CR and LF are sent only as CRLF, so that no server sees the end of the message elsewhere (a lone CR
 * becomes a space, a lone LF a line end). Unchanged octets are passed on as views of the chunk, not copied.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const ONE_DOT = Buffer.from('.');
const BLANK = Buffer.from(' ');
const CRLF = Buffer.from('\r\n');
const FOLD = Buffer.from('\r\n ');
const MANY_PARTS = 16;

export class OutgoingText {
  readonly #limit: number;
  /** Octets still allowed in the current line. */
  #left: number;
  #atLineStart = true;
  /** The previous chunk ended in a CR: part of a line end, or a lone one. */
  #heldCr = false;
  #parts: Buffer[] = [];
  #folded = false;

  /** `lineLimit`: octets without CRLF; 0 means no limit. */
  constructor(lineLimit: number) {
    this.#limit = lineLimit > 1 ? lineLimit : Number.POSITIVE_INFINITY;
    this.#left = this.#limit;
  }

  /** A line was too long. */
  get folded(): boolean {
    return this.#folded;
  }

  push(chunk: Buffer): Buffer[] {
    /** Start of the octets not passed on yet. */
    let from = 0;
    let at = 0;
    // Each is searched again only after it has been passed, so the time is linear for any input.
    let lf = chunk.indexOf(LF);
    let cr = chunk.indexOf(CR);
    if (this.#heldCr && chunk.length > 0) {
      this.#heldCr = false;
      if (chunk[0] !== LF) this.#text(BLANK, 0, 1);
      else {
        this.#endLine();
        from = 1;
        at = 1;
      }
    }
    while (at < chunk.length) {
      if (lf >= 0 && lf < at) lf = chunk.indexOf(LF, at);
      if (cr >= 0 && cr < at) cr = chunk.indexOf(CR, at);
      const end = lf < 0 ? chunk.length : lf;
      const textEnd = cr >= 0 && cr < end ? cr : end;
      const isWhole = textEnd === cr && cr === lf - 1;
      if (isWhole && this.#fits(chunk, at, textEnd)) {
        this.#atLineStart = true;
        this.#left = this.#limit;
        at = lf + 1;
        continue;
      }
      if (at > from) this.#parts.push(chunk.subarray(from, at));
      this.#text(chunk, at, textEnd);
      if (textEnd === lf || isWhole) {
        this.#endLine();
        at = lf + 1;
      } else if (textEnd < chunk.length) {
        if (textEnd === chunk.length - 1) this.#heldCr = true;
        else this.#text(BLANK, 0, 1);
        at = textEnd + 1;
      } else {
        at = textEnd;
      }
      from = at;
    }
    if (at > from) this.#parts.push(chunk.subarray(from, at));
    return this.#take();
  }

  /** The remaining octets before the final dot. */
  end(): Buffer[] {
    // A CR at the very end counts as a line end.
    if (this.#heldCr || !this.#atLineStart) this.#endLine();
    this.#heldCr = false;
    return this.#take();
  }

  #fits(chunk: Buffer, start: number, end: number): boolean {
    return end - start <= this.#left && !(this.#atLineStart && chunk[start] === DOT);
  }

  #text(octets: Buffer, start: number, end: number): void {
    if (end === start) return;
    if (this.#atLineStart && octets[start] === DOT) this.#parts.push(ONE_DOT);
    this.#atLineStart = false;
    let at = start;
    while (end - at > this.#left) {
      this.#parts.push(octets.subarray(at, at + this.#left), FOLD);
      at += this.#left;
      this.#left = this.#limit - 1;
      this.#folded = true;
    }
    this.#parts.push(octets.subarray(at, end));
    this.#left -= end - at;
  }

  #endLine(): void {
    this.#parts.push(CRLF);
    this.#atLineStart = true;
    this.#left = this.#limit;
  }

  #take(): Buffer[] {
    const parts = this.#parts;
    this.#parts = [];
    // A piece costs more than copying a short line.
    return parts.length > MANY_PARTS ? [Buffer.concat(parts)] : parts;
  }
}
