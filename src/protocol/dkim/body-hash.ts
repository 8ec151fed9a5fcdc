/**
 * The hash of a message's body in the relaxed canonicalization (RFC 6376 sections 3.4.4 and 3.7), piece by piece:
 * memory is bounded for a body of any length.
 */
import { createHash } from 'node:crypto';

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const ROOM = 64 * 1024;

export class BodyHash {
  readonly #hash = createHash('sha256');
  readonly #out = Buffer.allocUnsafe(ROOM);
  #used = 0;
  /** Line ends that count only if something follows. */
  #lineEnds = 0;
  #hasSpace = false;
  #hasCr = false;
  #isEmpty = true;
  /** Something has to be decided before the next octet of text. */
  #isWaiting = true;

  /** Lines end with CRLF; of other CR and LF each is a character. */
  update(piece: Uint8Array): void {
    // Most octets are text behind text: they take the short way.
    const out = this.#out;
    let used = this.#used;
    for (const octet of piece) {
      if (octet > SPACE && !this.#isWaiting && used < ROOM) {
        out[used] = octet;
        used += 1;
        continue;
      }
      this.#used = used;
      this.#take(octet);
      used = this.#used;
    }
    this.#used = used;
  }

  /** In base64: the value of `bh`. */
  digest(): string {
    if (this.#hasCr) this.#text(CR);
    // A body that is not empty ends with CRLF, whatever ended it.
    if (!this.#isEmpty) {
      this.#put(CR);
      this.#put(LF);
    }
    this.#flush();
    return this.#hash.digest('base64');
  }

  #take(octet: number): void {
    this.#isWaiting = true;
    if (this.#hasCr) {
      this.#hasCr = false;
      if (octet === LF) {
        this.#lineEnds += 1;
        this.#hasSpace = false;
        return;
      }
      this.#text(CR);
    }
    if (octet === CR) this.#hasCr = true;
    else if (octet === SPACE || octet === TAB) this.#hasSpace = true;
    else this.#text(octet);
    this.#isWaiting = this.#hasCr || this.#hasSpace;
  }

  #text(octet: number): void {
    for (; this.#lineEnds > 0; this.#lineEnds -= 1) {
      this.#put(CR);
      this.#put(LF);
    }
    if (this.#hasSpace) this.#put(SPACE);
    this.#hasSpace = false;
    this.#isEmpty = false;
    this.#put(octet);
  }

  #put(octet: number): void {
    if (this.#used === ROOM) this.#flush();
    this.#out[this.#used] = octet;
    this.#used += 1;
  }

  #flush(): void {
    this.#hash.update(this.#out.subarray(0, this.#used));
    this.#used = 0;
  }
}
