/**
 * Finds the end of a message on the wire: `DotBody` for DATA (RFC 5321 sections 4.1.1.4 and 4.5.2),
 * `ChunkBody` for BDAT (RFC 3030).
 *
 * Guarantees: in mode `crlf` only CRLF.CRLF ends DATA, never a bare LF or CR next to the dot (no SMTP
 * smuggling). Linear time however the input is split into chunks; octets are passed on as views of the chunk,
 * not copied. Line ends are passed on unchanged: protocol/mime/line-end.ts makes them CRLF.
 */

export interface BodyReader {
  /**
   * Reads octets from `start` on and appends those of the message to `parts`.
   * Returns the index after the end of the body, or -1 if it needs more input.
   */
  push(chunk: Buffer, start: number, parts: Buffer[]): number;
}

/**
 * What ends DATA. In both modes a line ends with LF, so that a stuffed dot after a bare LF is unstuffed, as in
 * Postfix 3.7.
 * `crlf`: CRLF.CRLF only; any other line with a lone dot is dropped (smtpd_forbid_bare_newline = normalize).
 * `lf`: any line with a lone dot, optionally followed by CRs (smtpd_forbid_bare_newline = no).
 */
export type EndOfData = 'crlf' | 'lf';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\n.');
/** CRs after a lone dot that are examined; a line with more of them does not end a body. */
const MAX_CRS = 64;

/**
 * The last octets read. A dot at the start of a line, and CRs after it, are held back until their role is known.
 */
type DotState = 'text' | 'cr' | 'line-start' | 'dot' | 'dot-cr';

export class DotBody implements BodyReader {
  readonly #endOfData: EndOfData;
  #state: DotState = 'line-start';
  /** The last line ended with CRLF, or there was none. */
  #properEnd = true;
  #heldCrs = 0;

  constructor(endOfData: EndOfData) {
    this.#endOfData = endOfData;
  }

  push(chunk: Buffer, start: number, parts: Buffer[]): number {
    let from = start;
    let i = start;
    while (i < chunk.length) {
      const octet = chunk[i];
      switch (this.#state) {
        case 'text': {
          const found = chunk.indexOf(LINE_DOT, i);
          if (found < 0) {
            this.#endChunk(chunk, i);
            i = chunk.length;
          } else {
            this.#endLine(found > 0 && chunk[found - 1] === CR);
            i = found + 1;
          }
          break;
        }
        case 'cr':
          if (octet === LF) this.#endLine(true);
          else if (octet !== CR) this.#state = 'text';
          i += 1;
          break;
        case 'line-start':
          if (octet === DOT) {
            if (i > from) parts.push(chunk.subarray(from, i));
            from = i + 1;
            this.#state = 'dot';
          } else if (octet === LF) this.#endLine(false);
          else this.#state = octet === CR ? 'cr' : 'text';
          i += 1;
          break;
        case 'dot':
          if (octet === CR) {
            this.#heldCrs = 1;
            this.#state = 'dot-cr';
            i += 1;
            from = i;
          } else if (octet === LF) {
            i += 1;
            if (this.#endOfData === 'lf') return i;
            from = i;
            this.#endLine(false);
          } else {
            // A stuffed dot: drop it; what follows is text (`..` leaves one dot).
            this.#state = 'text';
            i += 1;
          }
          break;
        case 'dot-cr':
          if (octet === LF) {
            i += 1;
            if (this.#endOfData === 'lf' || this.#properEnd) return i;
            from = i;
            this.#endLine(true);
          } else if (octet === CR && this.#endOfData === 'lf' && this.#heldCrs < MAX_CRS) {
            this.#heldCrs += 1;
            i += 1;
            from = i;
          } else {
            // The line was `.CR…`: the dot was stuffing, the CR is text.
            parts.push(Buffer.alloc(this.#heldCrs, CR));
            this.#state = 'cr';
          }
          break;
      }
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    return -1;
  }

  #endLine(proper: boolean): void {
    this.#state = 'line-start';
    this.#properEnd = proper;
  }

  /** The chunk's octets from `from` on are text without a dot at the start of a line. */
  #endChunk(chunk: Buffer, from: number): void {
    const last = chunk.length - 1;
    if (chunk[last] === LF) this.#endLine(last > from && chunk[last - 1] === CR);
    else if (chunk[last] === CR) this.#state = 'cr';
  }
}

export class ChunkBody implements BodyReader {
  #left: number;

  constructor(octets: number) {
    this.#left = octets;
  }

  push(chunk: Buffer, start: number, parts: Buffer[]): number {
    const end = Math.min(chunk.length, start + this.#left);
    if (end > start) parts.push(chunk.subarray(start, end));
    this.#left -= end - start;
    return this.#left === 0 ? end : -1;
  }
}

const BARE_LF = /(?<!\r)\n/;

/** Detects lines that end with a bare LF. One instance per message, since BDAT chunks may split a CRLF. */
export class BareLfWatch {
  seen = false;
  #afterCr = false;

  /** Wraps a reader so that its input is watched. */
  over(reader: BodyReader): BodyReader {
    return {
      push: (chunk, start, parts) => {
        const end = reader.push(chunk, start, parts);
        if (!this.seen) this.#look(chunk, start, end < 0 ? chunk.length : end);
        return end;
      },
    };
  }

  #look(chunk: Buffer, start: number, end: number): void {
    if (end <= start) return;
    const from = this.#afterCr && chunk[start] === LF ? start + 1 : start;
    this.seen = BARE_LF.test(chunk.toString('latin1', from, end));
    this.#afterCr = chunk[end - 1] === CR;
  }
}
