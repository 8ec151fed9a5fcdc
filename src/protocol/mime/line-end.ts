/**
 * Makes every line of a message end with CRLF (RFC 5321 section 2.3.8): a bare LF becomes CRLF. A CR that ends no
 * line (a stray CR) never becomes a line end: it is replaced by a space, as Postfix's cleanup does, or kept.
 * Streaming and linear in the input, however it is cut; a chunk that is right already is passed on without a copy.
 */

export interface LineEndOptions {
  /** `space`: as Postfix stores it (cleanup_replace_stray_cr_lf = yes). `keep`: the octet stays. */
  readonly strayCr: 'space' | 'keep';
  /**
   * CRs in front of an LF all belong to the line end, as for clients that smtpd_forbid_bare_newline does not concern.
   */
  readonly foldCrs?: boolean;
  /** A last line without a line end gets one: Postfix keeps whole lines only. */
  readonly endLastLine?: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = new Uint8Array(0);
/** CRs of one line end that are folded; more of them are stray. */
const MAX_FOLDED = 64;

interface Rules {
  /**
   * Finds whether anything is wrong at all. Measured: a regular expression over latin1 is four times faster than two
   * searches for each line.
   */
  readonly fault: RegExp;
  readonly mend: (text: string) => string;
}

// The lookbehinds let a run of CRs be looked at once only: without them a long run would cost quadratic time.
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

/** One message's filter. */
export class LineEndFilter {
  readonly #options: LineEndOptions;
  readonly #rules: Rules;
  readonly #mostHeld: number;
  /** CRs at the end of the last chunk: what they are is not known yet. */
  #held = 0;
  #atLineStart = true;

  constructor(options: LineEndOptions) {
    this.#options = options;
    this.#rules = RULES[options.strayCr][options.foldCrs === true ? 'folding' : 'plain'];
    this.#mostHeld = options.foldCrs === true ? MAX_FOLDED : 1;
  }

  /** CRs at the end of a chunk wait for what follows, so that the result may be empty. */
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

  /** What was held back, and the end of the last line where `endLastLine` wants one. */
  end(): Uint8Array {
    const stray = (this.#options.strayCr === 'space' ? ' ' : '\r').repeat(this.#held);
    if (this.#held > 0) this.#atLineStart = false;
    this.#held = 0;
    const rest = this.#options.endLastLine === true && !this.#atLineStart ? `${stray}\r\n` : stray;
    return rest === '' ? NOTHING : Buffer.from(rest, 'latin1');
  }
}
