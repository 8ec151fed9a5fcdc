/** Makes every line end CRLF: a bare LF or a bare CR becomes one. Linear; octets pass as they are where nothing is to be done. */

const CR = 0x0d;
const LF = 0x0a;

export class CrlfWriter {
  /** The last octet was a CR whose LF may come with the next chunk. */
  #heldCr = false;

  push(given: Buffer): Buffer {
    const chunk = this.#heldCr ? Buffer.concat([Buffer.from([CR]), given]) : given;
    this.#heldCr = chunk.length > 0 && chunk[chunk.length - 1] === CR;
    const end = this.#heldCr ? chunk.length - 1 : chunk.length;
    return toCrlf(chunk.subarray(0, end));
  }

  /** What is left at the end: the LF that a last CR lacks. */
  end(): Buffer {
    const rest = this.#heldCr ? Buffer.from('\r\n') : Buffer.alloc(0);
    this.#heldCr = false;
    return rest;
  }
}

function toCrlf(chunk: Buffer): Buffer {
  const faults = countFaults(chunk);
  if (faults === 0) return chunk;
  const fixed = Buffer.allocUnsafe(chunk.length + faults);
  let to = 0;
  for (let at = 0; at < chunk.length; at += 1) {
    const octet = chunk[at] ?? 0;
    if (octet === LF || octet === CR) {
      fixed[to] = CR;
      fixed[to + 1] = LF;
      to += 2;
      if (octet === CR && chunk[at + 1] === LF) at += 1;
    } else {
      fixed[to] = octet;
      to += 1;
    }
  }
  return fixed;
}

/** Each makes the text one octet longer. */
function countFaults(chunk: Buffer): number {
  let faults = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) if (chunk[at - 1] !== CR) faults += 1;
  for (let at = chunk.indexOf(CR); at >= 0; at = chunk.indexOf(CR, at + 1)) if (chunk[at + 1] !== LF) faults += 1;
  return faults;
}
