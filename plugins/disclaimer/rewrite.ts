/** A message's body with some of its parts changed; what is not changed is read and written piece by piece. */
import type { Part } from '../../src/mail/message.ts';
import { parseFields } from '../../src/protocol/mime/header.ts';
import type { Edited } from './edit.ts';

/** Octets from `start` to `end`, counted from the beginning of the message, become others. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly octets: Buffer;
}

/** The octets from `start` to `end`. */
export async function rangeOf(content: AsyncIterable<Uint8Array>, start: number, end: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for await (const piece of content) {
    if (at + piece.length > start) pieces.push(piece.slice(Math.max(0, start - at), Math.max(0, end - at)));
    at += piece.length;
    if (at >= end) break;
  }
  return Buffer.concat(pieces);
}

/** Of a part within a multipart: its header is in the body, too. */
export function replacementOf(part: Part, head: Buffer, { body, fields }: Edited): Replacement {
  if (fields === null) return { start: part.bodyStart, end: part.bodyEnd, octets: body };
  const others = parseFields(head.toString('latin1'))
    .filter(({ name }) => !/^content-(?:type|transfer-encoding)$/i.test(name))
    .map(({ name, value }) => `${name}:${value}\r\n`);
  const header = [
    ...others,
    `Content-Type: ${fields.type}\r\n`,
    `Content-Transfer-Encoding: ${fields.encoding}\r\n`,
    '\r\n',
  ].join('');
  return {
    start: part.headerStart,
    end: part.bodyEnd,
    octets: Buffer.concat([Buffer.from(header, 'latin1'), body]),
  };
}

/** `body` begins at `offset` of the message; replacements in their order. */
export async function* replaced(
  body: AsyncIterable<Uint8Array>,
  offset: number,
  replacements: readonly Replacement[],
): AsyncGenerator<Uint8Array> {
  const waiting = [...replacements];
  let next = waiting.shift();
  let at = offset;
  for await (const piece of body) {
    let left = piece;
    const take = (octets: number): Uint8Array => {
      const taken = left.subarray(0, octets);
      left = left.subarray(octets);
      at += octets;
      return taken;
    };
    while (left.length > 0) {
      if (next === undefined || next.start > at) yield take(Math.min(left.length, (next?.start ?? Infinity) - at));
      else {
        take(Math.min(left.length, next.end - at));
        if (at < next.end) break;
        yield next.octets;
        next = waiting.shift();
      }
    }
  }
  // Of a part that ends with the message.
  for (; next !== undefined; next = waiting.shift()) yield next.octets;
}
