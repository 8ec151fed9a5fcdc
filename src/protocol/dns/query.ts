/**
 * Reads incoming queries with as few allocations as possible: the hot path of the server. Unusual
 * queries (further sections, signatures) are checked by the full codec in message.ts.
 */

import { type DnsQuestion, decodeMessage, type Edns, HEADER_SIZE, OPCODE, RCODE } from './message.ts';
import { TYPE } from './rr/table.ts';
import { WireError, WireReader } from './wire.ts';

export interface Query {
  readonly octets: Uint8Array;
  readonly id: number;
  /** The second 16-bit word of the header. */
  readonly bits: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly type: number;
  readonly class: number;
  /** The offset after the question's name, including its zero octet. */
  readonly nameEnd: number;
  readonly edns: Edns | null;
  /** Signed with a key (RFC 8945): we have no keys. */
  readonly signed: boolean;
  /** An authority record of type SOA, with which an IXFR query states the client's version. */
  readonly hasSoa: boolean;
}

/** A query that cannot be answered, with the parts that could be read, which are returned with the error code. */
export interface QueryError {
  readonly kind: 'error';
  readonly id: number;
  readonly bits: number;
  readonly rcode: number;
  readonly question: DnsQuestion | null;
  readonly edns: Edns | null;
}

export type ReadQuery =
  | { readonly kind: 'query'; readonly query: Query }
  | QueryError
  /** A response, or less than a header: answering could make two servers reply to each other forever. */
  | { readonly kind: 'drop' };

const DROP: ReadQuery = { kind: 'drop' };
const KNOWN_OPCODES: ReadonlySet<number> = new Set(Object.values(OPCODE));

/** Never throws. */
export function readQuery(octets: Uint8Array): ReadQuery {
  if (octets.length < HEADER_SIZE) return DROP;
  const word = (at: number): number => ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
  const id = word(0);
  const bits = word(2);
  if ((bits & 0x8000) !== 0) return DROP;
  const opcode = (bits >> 11) & 15;
  const refuse = (rcode: number, question: DnsQuestion | null = null, edns: Edns | null = null): QueryError => ({
    kind: 'error',
    id,
    bits,
    rcode,
    question,
    edns,
  });
  const others = word(6) + word(8);
  const additional = word(10);
  if (!KNOWN_OPCODES.has(opcode)) {
    const edns = anyEdns(octets);
    return refuse(edns !== null && edns.version !== 0 ? RCODE.BADVERS : RCODE.NOTIMP, null, edns);
  }
  if (word(4) !== 1) return refuse(RCODE.FORMERR, null, word(4) === 0 ? anyEdns(octets) : null);

  let at = HEADER_SIZE;
  for (;;) {
    const size = octets[at];
    if (size === undefined || size > 63) return refuse(RCODE.FORMERR);
    at += size + 1;
    if (size === 0) break;
    if (at - HEADER_SIZE > 254) return refuse(RCODE.FORMERR);
  }
  const nameEnd = at;
  const end = nameEnd + 4;
  if (end > octets.length) return refuse(RCODE.FORMERR);
  const base = {
    octets,
    id,
    bits,
    opcode,
    recursionDesired: (bits & 0x0100) !== 0,
    checkingDisabled: (bits & 0x0010) !== 0,
    type: word(nameEnd),
    class: word(nameEnd + 2),
    nameEnd,
  };
  // Octets after the last record are ignored (as in BIND).
  if (others === 0 && additional === 0)
    return { kind: 'query', query: { ...base, edns: null, signed: false, hasSoa: false } };
  if (others === 0 && additional === 1) {
    const edns = lastOpt(octets, end);
    if (edns !== null) return { kind: 'query', query: { ...base, edns, signed: false, hasSoa: false } };
  }
  try {
    const message = decodeMessage(octets, 'anything');
    const records = [...message.answers, ...message.authorities, ...message.additionals];
    const signed = message.additionals.some((record) => record.type === TYPE.TSIG);
    const foreign = records.some((record) => record.class !== base.class && record.type !== TYPE.TSIG);
    if (foreign && opcode !== OPCODE.UPDATE) return refuse(RCODE.FORMERR, questionAt(octets));
    const hasSoa = message.authorities.some((record) => record.type === TYPE.SOA);
    return { kind: 'query', query: { ...base, edns: message.edns, signed, hasSoa } };
  } catch (error) {
    if (error instanceof WireError) return refuse(RCODE.FORMERR, questionAt(octets));
    throw error;
  }
}

/** The OPT record of a message that is answered with an error; null if there is none or the message is broken. */
function anyEdns(octets: Uint8Array): Edns | null {
  try {
    return decodeMessage(octets, 'anything').edns;
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}

/** An OPT record that fills the rest of the message, with valid options; null otherwise. */
function lastOpt(octets: Uint8Array, at: number): Edns | null {
  const word = (index: number): number => ((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0);
  const length = octets.length - at;
  if (length < 11 || octets[at] !== 0 || word(at + 1) !== TYPE.OPT || word(at + 9) !== length - 11) return null;
  let option = at + 11;
  while (option + 4 <= octets.length) option += 4 + word(option + 2);
  if (option !== octets.length) return null;
  return { size: word(at + 3), version: octets[at + 6] ?? 0, dnssecOk: ((octets[at + 7] ?? 0) & 0x80) !== 0 };
}

export const questionOf = ({ octets }: Pick<Query, 'octets'>): DnsQuestion => questionAt(octets);

/** The question, from a message whose question is known to be readable. */
function questionAt(octets: Uint8Array): DnsQuestion {
  const reader = new WireReader(octets, HEADER_SIZE);
  return { name: reader.name(), type: reader.u16(), class: reader.u16() };
}
