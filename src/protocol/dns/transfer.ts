/**
 * Zone transfers (AXFR, RFC 5936): encodes a zone as a sequence of messages, and reads such a sequence.
 */

import {
  type DnsQuestion,
  type Flags,
  flagBits,
  type Message,
  RCODE,
  type ResourceRecord,
  writeRecord,
} from './message.ts';
import { isWithin, nameKey } from './name.ts';
import { TYPE } from './rr/table.ts';
import { MessageFullError, WireError, WireWriter } from './wire.ts';
import { type Zone, zoneRecords } from './zone.ts';

/** A message is sent at this size: compression pointers cannot refer to later names (RFC 1035 section 4.1.4). */
const FULL = 0x4000;

const FLAGS: Flags = {
  qr: true,
  opcode: 0,
  aa: true,
  tc: false,
  rd: false,
  ra: false,
  ad: false,
  cd: false,
  rcode: RCODE.NOERROR,
};

/** SOA, all other records, SOA again; generated on demand, so that a slow reader costs the memory of one message. */
export function* transferMessages(zone: Zone, id: number, question: DnsQuestion): Generator<Buffer, void, void> {
  let out = new WireWriter(65535, FULL + 1024, true);
  let count = 0;
  const begin = (withQuestion: boolean): void => {
    for (const value of [id, flagBits(FLAGS), withQuestion ? 1 : 0, 0, 0, 0]) out.u16(value);
    if (!withQuestion) return;
    out.name(question.name, true);
    out.u16(question.type);
    out.u16(question.class);
  };
  const finish = (): Buffer => {
    out.patchU16(6, count);
    return Buffer.from(out.finish());
  };
  begin(true);
  for (const record of framed(zone)) {
    const start = out.offset;
    try {
      writeRecord(out, record);
      count += 1;
      if (out.offset < FULL) continue;
    } catch (error) {
      if (!(error instanceof MessageFullError) || count === 0) throw error;
      out.rewind(start);
      yield finish();
      out = new WireWriter(65535, FULL + 1024, true);
      count = 1;
      begin(false);
      writeRecord(out, record);
      continue;
    }
    yield finish();
    out = new WireWriter(65535, FULL + 1024, true);
    count = 0;
    begin(false);
  }
  if (count > 0) yield finish();
}

function* framed(zone: Zone): Generator<ResourceRecord, void, void> {
  let soa: ResourceRecord | null = null;
  for (const record of zoneRecords(zone)) {
    soa ??= record;
    yield record;
  }
  if (soa !== null) yield soa;
}

/** Collects the records of an incoming transfer; throws WireError if it is invalid. */
export class TransferReader {
  readonly records: ResourceRecord[] = [];
  readonly #question: DnsQuestion;
  readonly #id: number;
  readonly #zone: string;
  readonly #maxRecords: number;
  #first = true;

  constructor(id: number, question: DnsQuestion, maxRecords: number) {
    this.#id = id;
    this.#question = question;
    this.#zone = nameKey(question.name);
    this.#maxRecords = maxRecords;
  }

  /** Returns true when the closing SOA has arrived. */
  push(message: Message): boolean {
    if (!message.qr || message.id !== this.#id)
      throw new WireError('the message is not a response to the transfer query');
    if (message.rcode !== RCODE.NOERROR) throw new WireError(`the transfer was refused with code ${message.rcode}`);
    const [question] = message.questions;
    if (question !== undefined && (nameKey(question.name) !== this.#zone || question.type !== this.#question.type))
      throw new WireError('the response is for a different question');
    for (const record of message.answers) {
      const soa = record.type === TYPE.SOA;
      if (this.#first && !soa) throw new WireError('the transfer does not begin with a SOA record');
      if (soa && nameKey(record.name) !== this.#zone) throw new WireError('a SOA record of another zone');
      if (soa && !this.#first) return true;
      this.#first = false;
      if (this.records.length >= this.#maxRecords) throw new WireError(`more than ${this.#maxRecords} records`);
      if (isWithin(nameKey(record.name), this.#zone)) this.records.push(record);
    }
    return false;
  }
}

/** A message with its length prefix, for TCP (RFC 1035 section 4.2.2). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}
