/**
 * Makes every line of a message end with CRLF (RFC 5321 section 2.3.8): a bare LF becomes CRLF. A stray CR (one that
 * does not end a line) never becomes a line end: it is replaced by a space, as in Postfix's cleanup, or kept.
 * Streaming, linear time however the input is split; a chunk that is already correct is passed on without a copy.
 */

export interface LineEndOptions {
  /** `space`: as Postfix stores it (cleanup_replace_stray_cr_lf = yes). `keep`: unchanged. */
  readonly strayCr: 'space' | 'keep';
  /**
   * Any CRs before an LF are part of the line end, as for clients exempt from smtpd_forbid_bare_newline.
   */
  readonly foldCrs?: boolean;
  /** Adds a line end to a last line without one: Postfix stores complete lines only. */
  readonly endLastLine?: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = new Uint8Array(0);
/** Maximum CRs folded into one line end; further ones are stray. */
const MAX_FOLDED = 64;

interface Rules {
  /**
   * Detects whether anything needs to be changed. Measured: a regular expression over latin1 is four times faster than
   * two searches per line.
   */
  readonly fault: RegExp;
  readonly mend: (text: string) => string;
}

// The lookbehinds make sure that a run of CRs is examined only once: otherwise a long run would be quadratic.
const endBareLines = (text: string): string => text.replace(/(?<!\r)\n/g, '\r\n');
const foldCrs = (text: string): string => text.replace(/(?<!\r)\r*\n/g, '\r\n');
const replaceStray = (text: string): string => text.replace(/\r(?!\n)/g, ' ');

const ANY_FAULT = /\r(?!\n)|(?<!\r)\n/;
const RULES: Readonly<Record<'space' | 'keep', Readonly<Record<'plain' | 'folding', Rules>>>> = {
  space: {
    plain: { fault: ANY_FAULT, mend: (text) => endBareLines(replaceStray(text)) },
    folding: { fault: ANY_FAULT, mend: (text) => replaceStray(foldCrs(text)) },
  },
  keep: {
    plain: { fault: /(?<!\r)\n/, mend: endBareLines },
    folding: { fault: /(?<!\r)(?:\r\r+)?\n/, mend: foldCrs },
  },
};

/** The filter for one message. */
export class LineEndFilter {
  readonly #options: LineEndOptions;
  readonly #rules: Rules;
  readonly #mostHeld: number;
  /** CRs at the end of the last chunk, whose role is not known yet. */
  #held = 0;
  #atLineStart = true;

  constructor(options: LineEndOptions) {
    this.#options = options;
    this.#rules = RULES[options.strayCr][options.foldCrs === true ? 'folding' : 'plain'];
    this.#mostHeld = options.foldCrs === true ? MAX_FOLDED : 1;
  }

  /** CRs at the end of a chunk are held back, so that the result may be empty. */
  push(chunk: Uint8Array): Uint8Array {
    if (chunk.length === 0) return NOTHING;
    const given = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const whole = this.#held > 0 ? Buffer.concat([Buffer.alloc(this.#held, CR), given]) : given;
    let end = whole.length;
    while (end > 0 && whole[end - 1] === CR && whole.length - end < this.#mostHeld) end -= 1;
    this.#held = whole.length - end;
    if (end === 0) return NOTHING;
    const octets = this.#held > 0 ? whole.subarray(0, end) : whole;
    this.#atLineStart = octets[end - 1] === LF;
    const text = octets.toString('latin1');
    return this.#rules.fault.test(text) ? Buffer.from(this.#rules.mend(text), 'latin1') : octets;
  }

  /** Returns the octets held back, and the last line end if `endLastLine` requires one. */
  end(): Uint8Array {
    const stray = (this.#options.strayCr === 'space' ? ' ' : '\r').repeat(this.#held);
    if (this.#held > 0) this.#atLineStart = false;
    this.#held = 0;
    const rest = this.#options.endLastLine === true && !this.#atLineStart ? `${stray}\r\n` : stray;
    return rest === '' ? NOTHING : Buffer.from(rest, 'latin1');
  }
}
