/**
 * Reads replies of another server (RFC 5321 section 4.2) as Postfix's client does: the last line determines the code
 * and the enhanced code (RFC 2034); an invalid line counts as a further line of the reply that follows.
 *
 * Guarantees: all sizes are limited. At most MAX_LINE octets of a line are kept, and about twice MAX_LINE of a reply; a
 * reply that does not end within MAX_REPLY octets is an error. Control characters are removed. Linear time.
 */

export interface PeerReply {
  /** 0 to 999. */
  readonly code: number;
  /**
   * RFC 3463, of the same class as the code: `2.0.0`, `4.0.0` or `5.0.0` if the server sent none or one of another
   * class; `5.5.0` (protocol error) if the code is not 2xx, 4xx or 5xx.
   */
  readonly enhanced: string;
  /** The lines as received, including codes. At least one. */
  readonly lines: readonly string[];
  /** Some of the lines are not valid reply lines. */
  readonly odd: boolean;
}

/** Postfix: line_length_limit. The rest of the line is ignored. */
const MAX_LINE = 2048;
/** Octets up to the end of one reply. */
const MAX_REPLY = 1024 * 1024;
/** Maximum number of complete replies not yet taken. */
const MAX_WAITING = 1000;

const LF = 0x0a;
const FINAL = /^\d{3}(?: |$)/;
const FURTHER = /^\d{3}-/;
const ENHANCED = /^ *([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/;
/** Control characters (including C1, which terminals obey) and invalid UTF-8. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\ufffd]/g;

export class ReplyReader {
  readonly #replies: PeerReply[] = [];
  /** Of the reply being read. */
  #lines: string[] = [];
  #kept = 0;
  #odd = false;
  #octets = 0;
  /** Of the line being read. */
  #pieces: Buffer[] = [];
  #length = 0;
  #overflow = false;

  /** Keeps views of the octets until their line is complete. */
  push(octets: Buffer): void {
    let at = 0;
    while (at < octets.length && !this.#overflow) {
      const lf = octets.indexOf(LF, at);
      const end = lf < 0 ? octets.length : lf;
      this.#octets += end - at + 1;
      if (this.#length < MAX_LINE && end > at) {
        const piece = octets.subarray(at, Math.min(end, at + MAX_LINE - this.#length));
        this.#pieces.push(piece);
        this.#length += piece.length;
      }
      at = end + 1;
      if (lf >= 0) this.#endLine();
      this.#overflow ||= this.#octets > MAX_REPLY || this.#replies.length > MAX_WAITING;
    }
  }

  /** Removes and returns the next complete reply; null if there is none yet. */
  next(): PeerReply | null {
    return this.#replies.shift() ?? null;
  }

  /** The same, without removing it. */
  peek(): PeerReply | null {
    return this.#replies[0] ?? null;
  }

  /** The server sends without end: reading has stopped. */
  get overflow(): boolean {
    return this.#overflow;
  }

  /** There is no unread input: nothing unsolicited was received. */
  get isEmpty(): boolean {
    return this.#replies.length === 0 && this.#lines.length === 0 && this.#octets === 0;
  }

  #endLine(): void {
    const line = lineText(Buffer.concat(this.#pieces, this.#length));
    this.#pieces = [];
    this.#length = 0;
    if (this.#kept < MAX_LINE) {
      this.#lines.push(line);
      this.#kept += line.length + 1;
    }
    if (FINAL.test(line)) {
      this.#replies.push(replyOf(this.#lines, this.#odd, line));
      this.#lines = [];
      this.#kept = 0;
      this.#odd = false;
      this.#octets = 0;
    } else if (!FURTHER.test(line)) {
      this.#odd = true;
    }
  }
}

/** `lines`: those of a reply that are kept; its last one says what it is. */
export function replyOf(lines: readonly string[], odd: boolean, last = lines.at(-1) ?? ''): PeerReply {
  const isValid = FINAL.test(last);
  return { code: isValid ? Number(last.slice(0, 3)) : 0, enhanced: enhancedOf(last), lines, odd: odd || !isValid };
}

/** Without trailing CRs, and only up to a NUL, where Postfix's strings end. */
function lineText(octets: Buffer): string {
  const nul = octets.indexOf(0);
  let end = nul < 0 ? octets.length : nul;
  while (end > 0 && octets[end - 1] === 0x0d) end -= 1;
  return octets.toString('utf8', 0, end).replace(UNPRINTABLE, '?');
}

function enhancedOf(line: string): string {
  const kind = line.charAt(0);
  if (kind !== '2' && kind !== '4' && kind !== '5') return '5.5.0';
  const given = ENHANCED.exec(line.slice(4))?.[1];
  return given?.startsWith(kind) === true ? given : `${kind}.0.0`;
}

/** A reply on one line, including codes, as logs and notifications quote it. */
export const replyText = (reply: PeerReply): string => reply.lines.join(' ');
