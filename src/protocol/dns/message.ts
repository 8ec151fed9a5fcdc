/**
 * DNS messages (RFC 1035 section 4, EDNS(0) RFC 6891).
 *
 * Our own codec: strict when decoding (bounds, pointers, one OPT, no trailing octets unless `after` allows them),
 * compressing when encoding. dns2 is not used: it lacks most record types and cannot answer for a zone, and the rest
 * (framing, header bits) is shorter than an adapter to it would be.
 * `decodeMessage` throws WireError only.
 */

import type { DomainName } from './name.ts';
import { readRdata, writeRdata } from './rr/rdata.ts';
import { TYPE } from './rr/table.ts';
import { MessageFullError, WireError, WireReader, WireWriter } from './wire.ts';

export interface DnsQuestion {
  /** Presentation form with its final dot, in the case of the query. */
  readonly name: string;
  /** Numeric, RFC 1035 section 3.2.2 and later. */
  readonly type: number;
  readonly class: number;
}

export interface ResourceRecord {
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  /** Wire form, names uncompressed (rr/rdata.ts). */
  readonly rdata: Uint8Array;
}

/** Records of one name, class and type: sent together or not at all. */
export interface RRset {
  readonly name: DomainName;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly rdatas: readonly Uint8Array[];
}

export interface Edns {
  /** Maximum UDP response size of the sender, octets. */
  readonly size: number;
  readonly version: number;
  /** DNSSEC OK (RFC 3225). */
  readonly dnssecOk: boolean;
}

/** Header bits by their RFC 1035 names. */
export interface Flags {
  readonly qr: boolean;
  readonly opcode: number;
  readonly aa: boolean;
  readonly tc: boolean;
  readonly rd: boolean;
  readonly ra: boolean;
  readonly ad: boolean;
  readonly cd: boolean;
  /** Including the upper bits from the OPT record. */
  readonly rcode: number;
}

export interface Message extends Flags {
  readonly id: number;
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: Edns | null;
}

export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;
export const OPCODE = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const;
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
} as const;

/** Octets of the header, before the question section. */
export const HEADER_SIZE = 12;

export function readFlags(bits: number): Flags {
  return {
    qr: (bits & 0x8000) !== 0,
    opcode: (bits >> 11) & 15,
    aa: (bits & 0x0400) !== 0,
    tc: (bits & 0x0200) !== 0,
    rd: (bits & 0x0100) !== 0,
    ra: (bits & 0x0080) !== 0,
    ad: (bits & 0x0020) !== 0,
    cd: (bits & 0x0010) !== 0,
    rcode: bits & 15,
  };
}

export function flagBits(flags: Flags): number {
  const bit = (on: boolean, mask: number): number => (on ? mask : 0);
  return (
    bit(flags.qr, 0x8000) |
    (flags.opcode << 11) |
    bit(flags.aa, 0x0400) |
    bit(flags.tc, 0x0200) |
    bit(flags.rd, 0x0100) |
    bit(flags.ra, 0x0080) |
    bit(flags.ad, 0x0020) |
    bit(flags.cd, 0x0010) |
    (flags.rcode & 15)
  );
}

/** The options of an OPT record must fill its data exactly; their contents are ignored. */
function checkOptions(reader: WireReader, length: number): void {
  const end = reader.offset + length;
  if (end > reader.end) throw new WireError('the message ends too early');
  while (reader.offset < end) {
    if (end - reader.offset < 4) throw new WireError('an EDNS option ends too early');
    reader.u16();
    reader.bytes(reader.u16());
  }
  if (reader.offset !== end) throw new WireError('an EDNS option ends too late');
}

export function decodeMessage(octets: Uint8Array, after: 'nothing' | 'anything' = 'nothing'): Message {
  const reader = new WireReader(octets);
  const id = reader.u16();
  const flags = readFlags(reader.u16());
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const questions: DnsQuestion[] = [];
  for (let i = 0; i < counts[0]; i += 1)
    questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
  let edns: { readonly opt: Edns; readonly rcode: number } | null = null;

  const section = (count: number, additional: boolean): ResourceRecord[] => {
    const records: ResourceRecord[] = [];
    for (let i = 0; i < count; i += 1) {
      const name = reader.name();
      const type = reader.u16();
      const classNumber = reader.u16();
      const ttl = reader.u32();
      const length = reader.u16();
      if (type !== TYPE.OPT) {
        // RFC 2181 section 8: a TTL with the highest bit set is zero.
        records.push({
          name,
          type,
          class: classNumber,
          ttl: ttl > 0x7fffffff ? 0 : ttl,
          rdata: readData(type, classNumber, reader, length),
        });
        continue;
      }
      if (!additional || edns !== null || name !== '.') throw new WireError('an unexpected OPT record');
      checkOptions(reader, length);
      edns = {
        opt: { size: classNumber, version: (ttl >>> 16) & 0xff, dnssecOk: (ttl & 0x8000) !== 0 },
        rcode: Math.floor(ttl / 0x1000000) << 4,
      };
    }
    return records;
  };

  const answers = section(counts[1], false);
  const authorities = section(counts[2], false);
  const additionals = section(counts[3], true);
  if (reader.left > 0 && after === 'nothing') throw new WireError('octets after the message');
  const found = edns as { readonly opt: Edns; readonly rcode: number } | null;
  return {
    id,
    ...flags,
    rcode: flags.rcode | (found?.rcode ?? 0),
    questions,
    answers,
    authorities,
    additionals,
    edns: found?.opt ?? null,
  };
}

/**
 * Records that delete in an update (RFC 2136 section 2.4) have no data or a meta class: their data, and that of TSIG,
 * is not parsed.
 */
function readData(type: number, classNumber: number, reader: WireReader, length: number): Uint8Array {
  return length === 0 || classNumber === CLASS.ANY || classNumber === CLASS.NONE || type === TYPE.TSIG
    ? Buffer.from(reader.bytes(length))
    : readRdata(type, reader, length);
}

export const recordsOf = (sets: readonly RRset[]): ResourceRecord[] =>
  sets.flatMap((set) =>
    set.rdatas.map((rdata) => ({ name: set.name, type: set.type, class: set.class, ttl: set.ttl, rdata })),
  );

/** The parts of a response. */
export interface Reply {
  readonly id: number;
  readonly flags: Flags;
  readonly question: DnsQuestion | null;
  readonly answers: readonly RRset[];
  readonly authorities: readonly RRset[];
  readonly additionals: readonly RRset[];
  /**
   * The first `glue` additional RRsets are glue: if they do not fit, the answer is useless, so TC is set.
   */
  readonly glue: number;
  /** Present if the query had one; `size` is the most that we accept. */
  readonly edns: Edns | null;
}

const OPT_SIZE = 11;

function writeOpt(out: WireWriter, edns: Edns, rcode: number): void {
  out.u8(0);
  out.u16(TYPE.OPT);
  out.u16(edns.size);
  out.u8(rcode >> 4);
  out.u8(edns.version);
  out.u16(edns.dnssecOk ? 0x8000 : 0);
  out.u16(0);
}

export function writeRecord(out: WireWriter, record: ResourceRecord): void {
  out.name(record.name, true);
  out.u16(record.type);
  out.u16(record.class);
  out.u32(record.ttl);
  const at = out.offset;
  out.u16(0);
  writeRdata(record.type, record.rdata, out);
  out.patchU16(at, out.offset - at - 2);
}

/**
 * A message of at most `limit` octets. What does not fit is omitted in whole RRsets; TC is set if
 * that was an answer, an authority or glue, but not for other addresses (RFC 2181 section 9).
 */
export function encodeReply(reply: Reply, limit: number): Buffer {
  const reserve = reply.edns === null ? 0 : OPT_SIZE;
  const out = new WireWriter(limit - reserve);
  const counts = [0, 0, 0];
  let truncated = false;
  out.bytes(new Uint8Array(HEADER_SIZE));
  if (reply.question !== null) {
    out.name(reply.question.name, true);
    out.u16(reply.question.type);
    out.u16(reply.question.class);
  }
  const sections = [reply.answers, reply.authorities, reply.additionals];
  for (const [section, sets] of sections.entries()) {
    for (const [index, set] of sets.entries()) {
      const start = out.offset;
      try {
        for (const rdata of set.rdatas) writeRecord(out, { ...set, rdata });
        counts[section] = (counts[section] ?? 0) + set.rdatas.length;
      } catch (error) {
        if (!(error instanceof MessageFullError)) throw error;
        out.rewind(start);
        if (section === 2 && index >= reply.glue) continue;
        truncated = true;
        break;
      }
    }
    if (truncated) break;
  }
  const { edns, flags } = reply;
  const body = out.finish();
  const message = Buffer.allocUnsafe(body.length + reserve);
  body.copy(message);
  if (edns !== null) {
    const opt = new WireWriter(OPT_SIZE, OPT_SIZE);
    writeOpt(opt, edns, flags.rcode);
    opt.finish().copy(message, body.length);
  }
  const head = [
    reply.id,
    flagBits({ ...flags, tc: flags.tc || truncated }),
    reply.question === null ? 0 : 1,
    counts[0],
    counts[1],
    (counts[2] ?? 0) + (edns === null ? 0 : 1),
  ];
  for (const [i, value] of head.entries()) message.writeUInt16BE(value ?? 0, i * 2);
  return message;
}

/**
 * Encodes a message with compressed names; for queries, transfers and tests. Throws MessageFullError over 65535 octets.
 */
export function encodeMessage(message: Message): Buffer {
  const out = new WireWriter(65535);
  const additionals = message.additionals.length + (message.edns === null ? 0 : 1);
  for (const value of [
    message.id,
    flagBits(message),
    message.questions.length,
    message.answers.length,
    message.authorities.length,
    additionals,
  ])
    out.u16(value);
  for (const question of message.questions) {
    out.name(question.name, true);
    out.u16(question.type);
    out.u16(question.class);
  }
  for (const record of [...message.answers, ...message.authorities, ...message.additionals]) writeRecord(out, record);
  if (message.edns !== null) writeOpt(out, message.edns, message.rcode);
  return Buffer.from(out.finish());
}

/** A query that we send: for NOTIFY, SOA refresh and AXFR. */
export function makeQuery(id: number, question: DnsQuestion, opcode: number = OPCODE.QUERY): Message {
  const flags: Flags = {
    qr: false,
    opcode,
    aa: opcode === OPCODE.NOTIFY,
    tc: false,
    rd: false,
    ra: false,
    ad: false,
    cd: false,
    rcode: 0,
  };
  return { id, ...flags, questions: [question], answers: [], authorities: [], additionals: [], edns: null };
}
