/**
 * Base64 in lines of a given length, as WildDuck makes it from an attachment that it keeps decoded (the `Encoder` of
 * libbase64, used in lib/attachments/gridstore-storage.js): no line end after the last line, except where a chunk ends
 * with the first line.
 */

/** Where an attachment has no length. */
const USUAL_LENGTH = 76;

export class LineEncoder {
  readonly #length: number;
  /** Octets that do not yet make a group of three. */
  #octets: Buffer = Buffer.alloc(0);
  /** Of the line that is not written yet; it may be full. */
  #line = '';

  constructor(lineLength: number | undefined) {
    this.#length = lineLength === undefined || lineLength < 1 ? USUAL_LENGTH : lineLength;
  }

  push(chunk: Uint8Array): string {
    const octets = Buffer.concat([this.#octets, chunk]);
    const whole = octets.length - (octets.length % 3);
    this.#octets = octets.subarray(whole);
    const text = this.#line + octets.toString('base64', 0, whole);
    if (text.length === this.#length) {
      this.#line = '';
      return `${text}\r\n`;
    }
    const lines = this.#split(text);
    this.#line = lines.pop() ?? '';
    return lines.map((line) => `${line}\r\n`).join('');
  }

  end(): string {
    return this.#split(this.#line + this.#octets.toString('base64')).join('\r\n');
  }

  #split(text: string): string[] {
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += this.#length) lines.push(text.slice(at, at + this.#length));
    return lines;
  }
}
