/**
 * Zone transfers (AXFR, RFC 5936): a zone as a row of messages, and messages as a zone's records.
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

/** A message is sent when it holds this much: later names could not be pointed at (RFC 1035 section 4.1.4). */
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

/** SOA, all the rest, SOA again; made as they are taken, so that a slow reader costs one message. */
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

/** Gathers the records of a transfer that comes in; throws WireError where it is none. */
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

  /** True when the closing SOA has come. */
  push(message: Message): boolean {
    if (!message.qr || message.id !== this.#id) throw new WireError('a message that is no answer to the transfer');
    if (message.rcode !== RCODE.NOERROR) throw new WireError(`the transfer was refused with code ${message.rcode}`);
    const [question] = message.questions;
    if (question !== undefined && (nameKey(question.name) !== this.#zone || question.type !== this.#question.type))
      throw new WireError('an answer to another question');
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

/** A message with the length before it, as TCP carries it (RFC 1035 section 4.2.2). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  framed.set(message, 2);
  return framed;
}
