/**
 * Makes every line end CRLF: a bare LF and a bare CR become one (RFC 5321 section 2.3.8 allows neither),
 * wherever a chunk is cut. A chunk that has nothing to mend is passed on as it is, without a copy.
 */
const CR = 13;
const LF = 10;
const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

export interface LineEndFilter {
  push(chunk: Uint8Array): Uint8Array;
  /** What was kept back: the end of a message that ends with CR. */
  end(): Uint8Array;
}

export function createLineEndFilter(): LineEndFilter {
  /** The last chunk ended with a CR, which was not passed on yet. */
  let pending = false;
  return {
    push(chunk) {
      if (chunk.length === 0) return NOTHING;
      let octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      if (pending) octets = Buffer.concat([CRLF.subarray(0, 1), octets]);
      pending = octets[octets.length - 1] === CR;
      if (pending) octets = octets.subarray(0, -1);
      return mend(octets);
    },
    end() {
      return pending ? CRLF : NOTHING;
    },
  };
}

function mend(octets: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let done = 0;
  let cr = octets.indexOf(CR);
  let lf = octets.indexOf(LF);
  while (cr >= 0 || lf >= 0) {
    if (cr >= 0 && lf === cr + 1) {
      cr = octets.indexOf(CR, lf + 1);
      lf = octets.indexOf(LF, lf + 1);
      continue;
    }
    const bareCr = cr >= 0 && (lf < 0 || cr < lf);
    const at = bareCr ? cr : lf;
    pieces.push(octets.subarray(done, at), CRLF);
    done = at + 1;
    if (bareCr) cr = octets.indexOf(CR, done);
    else lf = octets.indexOf(LF, done);
  }
  if (pieces.length === 0) return octets;
  pieces.push(octets.subarray(done));
  return Buffer.concat(pieces);
}
