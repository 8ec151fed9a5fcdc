/**
 * Finds where a message ends on the wire: `DotBody` for DATA (RFC 5321 sections 4.1.1.4 and 4.5.2),
 * `ChunkBody` for BDAT (RFC 3030).
 *
 * Guarantees: by the rule `crlf` only CRLF.CRLF ends a DATA body, never a bare LF or CR beside the dot (no SMTP
 * smuggling). Linear in the input however it is cut into chunks; octets are passed on as views of the chunk,
 * not copied. Line ends are passed on as they came: protocol/mime/line-end.ts makes them CRLF.
 */

export interface BodyReader {
  /**
   * Takes octets from `start` on and adds the message's to `parts`.
   * Returns the index behind the body's end, or -1 where the body wants more.
   */
  push(chunk: Buffer, start: number, parts: Buffer[]): number;
}

/**
 * What ends DATA. In both a line ends with LF, so that a stuffed dot behind a bare LF is unstuffed, as in Postfix 3.7.
 * `crlf`: CRLF.CRLF alone; another line of a lone dot is dropped (smtpd_forbid_bare_newline = normalize).
 * `lf`: any line of a lone dot, with any CRs behind it (smtpd_forbid_bare_newline = no).
 */
export type EndOfData = 'crlf' | 'lf';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\n.');
/** CRs behind a lone dot that are looked at; a line with more of them does not end a body. */
const MAX_CRS = 64;

/**
 * What the last octets were. A dot at a line's start, and CRs behind it, are held back until it is known what they are.
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
            // A stuffed dot: it is gone, and what follows it is text (`..` leaves one dot).
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

  /** The chunk's octets from `from` on are text without a dot at a line's start. */
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

/** Notices lines of a message that end without CR. One for a message: chunks of BDAT may cut a CRLF. */
export class BareLfWatch {
  seen = false;
  #afterCr = false;

  /** The same reader, watched. */
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
