/**
 * Finds where a message ends on the wire: `DotBody` for DATA (RFC 5321 sections 4.1.1.4 and 4.5.2),
 * `ChunkBody` for BDAT (RFC 3030).
 *
 * Guarantees: only CRLF.CRLF ends a DATA body, never a bare LF or CR beside the dot (no SMTP smuggling);
 * a dot is taken away at the start of a line alone, where a line starts after CRLF alone. Linear in the
 * input however it is cut into chunks; octets are passed on as views of the chunk, not copied.
 */

export interface BodyReader {
  /**
   * Takes octets from `start` on and adds the message's to `parts`.
   * Returns the index behind the body's end, or -1 where the body wants more.
   */
  push(chunk: Buffer, start: number, parts: Buffer[]): number;
}

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const LINE_DOT = Buffer.from('\r\n.');
const ONE_CR = Buffer.from('\r');

/** What the last octets were. A dot at a line's start, and a CR behind it, are held back until it is known what they are. */
type DotState = 'text' | 'cr' | 'line-start' | 'dot' | 'dot-cr';

export class DotBody implements BodyReader {
  #state: DotState = 'line-start';

  push(chunk: Buffer, start: number, parts: Buffer[]): number {
    let from = start;
    let i = start;
    while (i < chunk.length) {
      const octet = chunk[i];
      switch (this.#state) {
        case 'text': {
          const found = chunk.indexOf(LINE_DOT, i);
          if (found < 0) {
            this.#state = stateAtEnd(chunk, i);
            i = chunk.length;
          } else {
            this.#state = 'line-start';
            i = found + 2;
          }
          break;
        }
        case 'cr':
          this.#state = octet === LF ? 'line-start' : octet === CR ? 'cr' : 'text';
          i += 1;
          break;
        case 'line-start':
          if (octet === DOT) {
            if (i > from) parts.push(chunk.subarray(from, i));
            i += 1;
            from = i;
            this.#state = 'dot';
          } else {
            this.#state = octet === CR ? 'cr' : 'text';
            i += 1;
          }
          break;
        case 'dot':
          if (octet === CR) {
            i += 1;
            from = i;
            this.#state = 'dot-cr';
          } else {
            // A stuffed dot: it is gone, and what follows it is text (`..` leaves one dot).
            this.#state = 'text';
            i += 1;
          }
          break;
        case 'dot-cr':
          if (octet === LF) return i + 1;
          // The line was `.CR…`: the dot was stuffing, the CR is text.
          parts.push(ONE_CR);
          this.#state = 'cr';
          break;
      }
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
    return -1;
  }
}

function stateAtEnd(chunk: Buffer, from: number): DotState {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return 'cr';
  return chunk[last] === LF && last > from && chunk[last - 1] === CR ? 'line-start' : 'text';
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
