/**
 * Record data as a whole: from and to text, from and to a message. The rules of individual fields
 * are in the type's row (table.ts); here are the limits common to all types, and RFC 3597.
 */

import { near, PresentationError, type Tokens } from '../presentation.ts';
import { MessageFullError, WireError, WireReader, WireWriter } from '../wire.ts';
import { printUnknown } from './field.ts';
import { recordType, TYPE } from './table.ts';

const MAX_RDATA = 65535;

/** From a zone file's tokens to uncompressed octets. Throws PresentationError. */
export function parseRdata(type: number, tokens: Tokens): Buffer {
  const row = recordType(type);
  if (tokens.peek()?.text === '\\#' && tokens.peek()?.quoted === false) return parseUnknown(type, tokens);
  if (row === undefined)
    throw new PresentationError(`data of type TYPE${type} must be written as \\# length hex (RFC 3597)`);
  const out = new WireWriter(MAX_RDATA, 64);
  try {
    for (const field of row.fields) field.parse(tokens, out);
  } catch (error) {
    if (error instanceof MessageFullError)
      throw new PresentationError(`ran out of space: the data of a record has ${MAX_RDATA} octets at most`);
    throw error;
  }
  const extra = tokens.peek();
  if (extra !== undefined) throw near(extra, 'extra input text', 'the end of the line');
  return Buffer.from(out.finish());
}

/** `\# 4 C0000201` (RFC 3597 section 5); data of a known type must match its row. */
function parseUnknown(type: number, tokens: Tokens): Buffer {
  tokens.next('\\#');
  const length = tokens.number(MAX_RDATA, 'the length of the data in octets');
  const rest = tokens.rest();
  const hex = rest.map((token) => token.text).join('');
  if (!/^[0-9a-fA-F]*$/.test(hex) || hex.length !== length * 2)
    throw new PresentationError(`\\# ${length}: expected ${length * 2} hexadecimal digits`);
  const octets = Buffer.from(hex, 'hex');
  try {
    return readRdata(type, new WireReader(octets), octets.length);
  } catch (error) {
    if (error instanceof WireError)
      throw new PresentationError(`\\# ${length}: not data of this type: ${error.message}`);
    throw error;
  }
}

/** In zone file format, with absolute names. */
export function printRdata(type: number, rdata: Uint8Array): string {
  const row = recordType(type);
  if (row === undefined || (rdata.length === 0 && type !== TYPE.TXT)) return printUnknown(rdata);
  const data = new WireReader(rdata);
  return row.fields
    .map((field) => field.print(data))
    .filter((part) => part !== '')
    .join(' ');
}

/** Copies `length` octets of a message as uncompressed data. Throws WireError. */
export function readRdata(type: number, message: WireReader, length: number): Buffer {
  const row = recordType(type);
  const end = message.offset + length;
  if (row === undefined) return Buffer.from(message.bytes(length));
  if (end > message.end) throw new WireError('the message ends too early');
  const part = new WireReader(message.octets, message.offset, end);
  const out = new WireWriter(MAX_RDATA * 2, length + 64);
  try {
    for (const field of row.fields) field.copy(part, out);
  } catch (error) {
    // A two-octet compression pointer may expand to 255 octets.
    if (error instanceof MessageFullError) throw new WireError('record data is too long');
    throw error;
  }
  if (part.left > 0) throw new WireError('record data is longer than its type allows');
  if (out.offset > MAX_RDATA) throw new WireError('record data is too long');
  message.offset = end;
  return Buffer.from(out.finish());
}

/** Writes data into a message, compressing names where RFC 3597 allows it. */
export function writeRdata(type: number, rdata: Uint8Array, out: WireWriter): void {
  const fields = recordType(type)?.fields ?? [];
  if (rdata.length === 0 || !fields.some((field) => field.compressible)) {
    out.bytes(rdata);
    return;
  }
  const data = new WireReader(rdata);
  for (const field of fields) {
    if (field.compressible) out.name(data.name(), true);
    else field.copy(data, out);
  }
}

/** The texts of TXT data, each as its octets. */
export function textsOf(rdata: Uint8Array): Buffer[] {
  const found: Buffer[] = [];
  for (const data = new WireReader(rdata); data.left > 0; ) found.push(Buffer.from(data.bytes(data.u8())));
  return found;
}
