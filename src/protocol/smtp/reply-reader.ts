/**
 * Replies of another server (RFC 5321 section 4.2), read as Postfix's client reads them: the last line has the code and
 * the enhanced code (RFC 2034), a line that is no reply line counts as a further line of the reply that follows.
 *
 * Guarantees: bounded in every direction. Of a line MAX_LINE octets are kept, of a reply about twice as many; a reply
 * that does not end within MAX_REPLY octets is a fault. No control character gets through. Linear in the input.
 */

export interface PeerReply {
  /** 0 up to 999. */
  readonly code: number;
  /**
   * RFC 3463, of the same class as the code: `2.0.0`, `4.0.0` or `5.0.0` where the server gave none or one of another
   * class;
   * `5.5.0` (protocol error) where the code is none of 2xx, 4xx and 5xx.
   */
  readonly enhanced: string;
  /** The lines as they came, with their codes. At least one. */
  readonly lines: readonly string[];
  /** Among the lines are some that are no reply lines. */
  readonly odd: boolean;
}

/** Postfix: line_length_limit. What follows in the same line is passed over. */
const MAX_LINE = 2048;
/** Octets up to the end of one reply. */
const MAX_REPLY = 1024 * 1024;
/** Replies that nobody asked for yet. */
const MAX_WAITING = 1000;

const LF = 0x0a;
const FINAL = /^\d{3}(?: |$)/;
const FURTHER = /^\d{3}-/;
const ENHANCED = /^ *([245]\.\d{1,3}\.\d{1,3})(?:\s|$)/;
/** Controls (also those beyond ASCII, which terminals obey) and what is no UTF-8. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\ufffd]/g;

export class ReplyReader {
  readonly #replies: PeerReply[] = [];
  /** Of the reply that is being read. */
  #lines: string[] = [];
  #kept = 0;
  #odd = false;
  #octets = 0;
  /** Of the line that is being read. */
  #pieces: Buffer[] = [];
  #length = 0;
  #overflow = false;

  /** Views of the octets are kept until their line is complete. */
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

  /** The next complete reply, taken away; null while it has not come. */
  next(): PeerReply | null {
    return this.#replies.shift() ?? null;
  }

  /** The same, left where it is. */
  peek(): PeerReply | null {
    return this.#replies[0] ?? null;
  }

  /** The server sends without end: nothing more is read. */
  get overflow(): boolean {
    return this.#overflow;
  }

  /** Nothing has come that was not asked for. */
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
      this.#replies.push({
        code: Number(line.slice(0, 3)),
        enhanced: enhancedOf(line),
        lines: this.#lines,
        odd: this.#odd,
      });
      this.#lines = [];
      this.#kept = 0;
      this.#odd = false;
      this.#octets = 0;
    } else if (!FURTHER.test(line)) {
      this.#odd = true;
    }
  }
}

/** Without CRs at the end, and up to a NUL, where Postfix's strings end. */
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

/** A reply in one line, codes and all, as logs and notifications quote it. */
export const replyText = (reply: PeerReply): string => reply.lines.join(' ');
