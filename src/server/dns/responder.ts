/**
 * Turns the octets of a query into those of the response. Answers are prepared once and cached: a repeated question, in
 * any case, costs a lookup, a copy and a patch of ID and name.
 *
 * A cached answer stays valid until the zones change, which empties the cache. The cache is bounded in octets; queries
 * for nonexistent names can evict others but never make it grow.
 */

import { LRUCache } from 'lru-cache';
import { givenAnswer } from '../../protocol/dns/given-answer.ts';
import {
  CLASS,
  type DnsQuestion,
  type Edns,
  encodeReply,
  type Flags,
  HEADER_SIZE,
  OPCODE,
  RCODE,
  type Reply,
  readFlags,
} from '../../protocol/dns/message.ts';
import { nameKey } from '../../protocol/dns/name.ts';
import { type Query, type QueryError, questionOf, readQuery } from '../../protocol/dns/query.ts';
import { isQuestionType, TYPE } from '../../protocol/dns/rr/table.ts';
import type { ServedZone, ZoneTable } from './zones.ts';

/**
 * The limit for a UDP client without EDNS, and the most we send to any client (DNS Flag Day 2020; BIND: max-udp-size).
 */
const PLAIN_UDP_SIZE = 512;
const MAX_UDP_SIZE = 1232;
const MAX_TCP_SIZE = 65535;

const MAX_OCTETS = 16 * 1024 * 1024;

export type Transport = 'udp' | 'tcp';

export type Response =
  | { readonly kind: 'message'; readonly octets: Buffer }
  /** AXFR, or IXFR answered with the whole zone (RFC 1995 section 4). */
  | { readonly kind: 'transfer'; readonly served: ServedZone; readonly id: number; readonly question: DnsQuestion }
  | { readonly kind: 'none' };

interface Prepared {
  /** With ID 0, CD off, and the name in lower case. */
  readonly octets: Buffer;
  /** Kept if the answer is too long for some clients. */
  readonly reply: Reply | null;
  readonly served: ServedZone;
}

export interface ResponderOptions {
  readonly zones: ZoneTable;
  /** Answer to `version.bind`; null refuses. */
  readonly version: string | null;
  /** Called when a NOTIFY for one of our secondary zones arrives from this address. */
  onNotify(served: ServedZone, ip: string): void;
}

const NONE: Response = { kind: 'none' };
/** Classes that are not allowed in a question. An unknown class is answered NOTIMP; HS is known but not served. */
const CLASS_CODES: ReadonlyMap<number, number> = new Map([
  [0, RCODE.FORMERR],
  [CLASS.NONE, RCODE.FORMERR],
  [CLASS.ANY, RCODE.FORMERR],
  [CLASS.HS, RCODE.REFUSED],
]);
const OUR_EDNS: Edns = { size: MAX_UDP_SIZE, version: 0, dnssecOk: false };

export class Responder {
  readonly #options: ResponderOptions;
  // Bounded by octets only: a limit on entries would be allocated up front.
  readonly #prepared = new LRUCache<string, Prepared>({
    maxSize: MAX_OCTETS,
    sizeCalculation: (prepared, key) => prepared.octets.length * (prepared.reply === null ? 1 : 2) + key.length + 100,
  });
  /** Buffer in which a cache key is built: name, type, class, and everything else that changes the answer. */
  readonly #key = Buffer.alloc(260);

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Must be called when the zones change. */
  forget(): void {
    this.#prepared.clear();
  }

  respond(octets: Uint8Array, ip: string, transport: Transport): Response {
    const read = readQuery(octets);
    if (read.kind === 'drop') return NONE;
    if (read.kind === 'error') return message(errorReply(read));
    return this.answer(read.query, ip, transport);
  }

  answer(query: Query, ip: string, transport: Transport): Response {
    if (!isOrdinary(query)) return this.#unusual(query, ip, transport);
    const key = this.#keyOf(query);
    const known = this.#prepared.get(key) ?? this.#prepare(query, key);
    if (known === null) return refusal(query, RCODE.REFUSED);
    if (!this.#options.zones.mayQuery(known.served, ip)) return refusal(query, RCODE.REFUSED);
    const limit = sizeLimit(query, transport);
    if (known.octets.length <= limit) return message(patched(known.octets, query));
    return known.reply === null ? NONE : message(patched(encodeReply(known.reply, limit), query));
  }

  #keyOf(query: Query): string {
    const key = this.#key;
    const { octets, nameEnd } = query;
    let at = 0;
    for (let i = HEADER_SIZE; i < nameEnd; i += 1) {
      const octet = octets[i] ?? 0;
      // A label length is at most 63, below the letters, so only letters are changed here.
      key[at] = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      at += 1;
    }
    key[at] = query.type >> 8;
    key[at + 1] = query.type & 0xff;
    key[at + 2] = (query.recursionDesired ? 1 : 0) | (query.edns === null ? 0 : query.edns.dnssecOk ? 6 : 2);
    return key.toString('latin1', 0, at + 3);
  }

  /** Null if none of our zones contains the name. */
  #prepare(query: Query, key: string): Prepared | null {
    const asked = questionOf(query);
    const question = { ...asked, name: nameKey(asked.name) };
    const served = this.#options.zones.find(question.name, question.type);
    if (served === null) return null;
    const dnssecOk = query.edns?.dnssecOk ?? false;
    const answer =
      served.zone === null
        ? { rcode: RCODE.SERVFAIL, authoritative: false, answers: [], authorities: [], additionals: [], glue: 0 }
        : this.#options.zones.answer(served.zone, question, {
            recursionDesired: query.recursionDesired,
            recursion: served.options.recursion,
            dnssecOk,
          });
    const flags = replyFlags(query.bits & ~0x0010, answer.rcode, answer.authoritative);
    const reply: Reply = {
      id: 0,
      flags,
      question,
      ...answer,
      edns: query.edns === null ? null : { ...OUR_EDNS, dnssecOk },
    };
    const octets = encodeReply(reply, MAX_TCP_SIZE);
    const prepared: Prepared = { octets, reply: octets.length > PLAIN_UDP_SIZE ? reply : null, served };
    this.#prepared.set(key, prepared);
    return prepared;
  }

  /** Everything except class IN data queries. */
  #unusual(query: Query, ip: string, transport: Transport): Response {
    if (query.edns !== null && query.edns.version !== 0) return refusal(query, RCODE.BADVERS);
    // RFC 8945 section 5.2: we share no TSIG key with anyone.
    if (query.signed) return refusal(query, RCODE.NOTAUTH);
    if (query.opcode === OPCODE.NOTIFY) return this.#notified(query, ip);
    if (query.opcode === OPCODE.UPDATE) return this.#update(query);
    if (query.class === CLASS.CH) return this.#chaos(query, transport);
    if (query.class !== CLASS.IN) return refusal(query, CLASS_CODES.get(query.class) ?? RCODE.NOTIMP);
    return this.#meta(query, ip, transport);
  }

  #update(query: Query): Response {
    if (query.type !== TYPE.SOA) return refusal(query, RCODE.FORMERR);
    const served = query.class === CLASS.IN ? this.#zoneNamed(query) : null;
    if (served === null) return refusal(query, RCODE.NOTAUTH);
    return refusal(query, served.zone === null ? RCODE.SERVFAIL : RCODE.REFUSED);
  }

  #meta(query: Query, ip: string, transport: Transport): Response {
    if (query.type === TYPE.MAILA || query.type === TYPE.MAILB) return refusal(query, RCODE.NOTIMP);
    if (query.type !== TYPE.AXFR && query.type !== TYPE.IXFR) return refusal(query, RCODE.FORMERR);
    const served = this.#zoneNamed(query);
    if (served === null) return refusal(query, RCODE.NOTAUTH);
    if (served.zone === null) return refusal(query, RCODE.SERVFAIL);
    // RFC 5936 section 4.2; RFC 1995 section 3: the SOA in an IXFR tells which version the client has.
    if (query.type === TYPE.AXFR ? transport === 'udp' : !query.hasSoa) return refusal(query, RCODE.FORMERR);
    if (!this.#options.zones.mayTransfer(served, ip)) return refusal(query, RCODE.REFUSED);
    const question = questionOf(query);
    if (transport === 'tcp') return { kind: 'transfer', served, id: query.id, question };
    // IXFR over UDP: a response with only the SOA makes the client use TCP (RFC 1995 section 4).
    const soa = served.zone.apex.sets.get(TYPE.SOA);
    const reply: Reply = {
      ...emptyReply(query, question, RCODE.NOERROR, true),
      answers: soa === undefined ? [] : [soa],
    };
    return message(encodeReply(reply, sizeLimit(query, transport)));
  }

  #notified(query: Query, ip: string): Response {
    if (query.type !== TYPE.SOA) return refusal(query, RCODE.FORMERR);
    const served = query.class === CLASS.IN ? this.#zoneNamed(query) : null;
    if (served === null) return refusal(query, RCODE.NOTAUTH);
    // A primary ignores the NOTIFY but still answers NOERROR, as BIND does.
    if (served.options.kind === 'secondary') {
      if (!served.options.primaries.some((primary) => primary.address === ip)) return refusal(query, RCODE.REFUSED);
      this.#options.onNotify(served, ip);
    }
    return message(encodeReply(emptyReply(query, questionOf(query), RCODE.NOERROR, true), PLAIN_UDP_SIZE));
  }

  #chaos(query: Query, transport: Transport): Response {
    const question = questionOf(query);
    const { version } = this.#options;
    const asked =
      ['version.bind.', 'version.server.'].includes(nameKey(question.name)) &&
      (query.type === TYPE.TXT || query.type === TYPE.ANY);
    if (!asked || version === null) return refusal(query, RCODE.REFUSED);
    const answers = [{ name: question.name, type: TYPE.TXT, class: CLASS.CH, ttl: 0, rdatas: [oneText(version)] }];
    return message(
      encodeReply({ ...emptyReply(query, question, RCODE.NOERROR, true), answers }, sizeLimit(query, transport)),
    );
  }

  #zoneNamed(query: Query): ServedZone | null {
    return this.#options.zones.exact(nameKey(questionOf(query).name));
  }
}

/** A data query, whose answer is prepared and cached. */
const isOrdinary = (query: Query): boolean =>
  query.opcode === OPCODE.QUERY &&
  query.class === CLASS.IN &&
  !query.signed &&
  (query.edns === null || query.edns.version === 0) &&
  (query.type === TYPE.ANY || !isQuestionType(query.type));

/** TXT RDATA with a single string. */
function oneText(text: string): Buffer {
  const octets = Buffer.from(text, 'utf8').subarray(0, 255);
  return Buffer.from([octets.length, ...octets]);
}

const message = (octets: Buffer): Response => ({ kind: 'message', octets });

/** A response with an RCODE and only the question. */
export const refusal = (query: Query, rcode: number): Response =>
  message(encodeReply(emptyReply(query, questionOf(query), rcode, false), PLAIN_UDP_SIZE));

/** A response that was not made from our zones. Throws what `givenAnswer` throws. */
export function given(
  query: Query,
  { records, rcode }: { readonly records: readonly string[]; readonly rcode: 'NOERROR' | 'NXDOMAIN' },
  transport: Transport,
): Response {
  const question = questionOf(query);
  const answers = givenAnswer(records, question);
  return message(
    encodeReply({ ...emptyReply(query, question, RCODE[rcode], true), answers }, sizeLimit(query, transport)),
  );
}

const sizeLimit = (query: Query, transport: Transport): number =>
  transport === 'tcp'
    ? MAX_TCP_SIZE
    : query.edns === null
      ? PLAIN_UDP_SIZE
      : Math.min(Math.max(query.edns.size, PLAIN_UDP_SIZE), MAX_UDP_SIZE);

/** QR, AA and the RCODE, with the opcode as in the query. RD and CD are echoed for QUERY only, as BIND does. */
function replyFlags(bits: number, rcode: number, authoritative: boolean): Flags {
  const { opcode, rd, cd } = readFlags(bits);
  const question = opcode === OPCODE.QUERY;
  return {
    qr: true,
    opcode,
    aa: authoritative,
    tc: false,
    rd: question && rd,
    ra: false,
    ad: false,
    cd: question && cd,
    rcode,
  };
}

const emptyReply = (query: Query, question: DnsQuestion, rcode: number, authoritative: boolean): Reply => ({
  id: query.id,
  flags: replyFlags(query.bits, rcode, authoritative),
  question,
  answers: [],
  authorities: [],
  additionals: [],
  glue: 0,
  edns: query.edns === null ? null : { ...OUR_EDNS, dnssecOk: query.edns.dnssecOk },
});

/** The header, and as much of the query as could be read. */
function errorReply({ id, bits, rcode, question, edns }: QueryError): Buffer {
  const flags = replyFlags(bits, rcode, false);
  const ours = edns === null ? null : { ...OUR_EDNS, dnssecOk: edns.dnssecOk };
  return encodeReply(
    { id, flags, question, answers: [], authorities: [], additionals: [], glue: 0, edns: ours },
    PLAIN_UDP_SIZE,
  );
}

/** A copy with this client's ID, CD bit and spelling of the name (which the answers point to). */
function patched(prepared: Buffer, query: Query): Buffer {
  const octets = Buffer.allocUnsafe(prepared.length);
  prepared.copy(octets);
  octets[0] = query.id >> 8;
  octets[1] = query.id & 0xff;
  if (query.checkingDisabled) octets[3] = (octets[3] ?? 0) | 0x10;
  octets.set(query.octets.subarray(HEADER_SIZE, query.nameEnd), HEADER_SIZE);
  return octets;
}
