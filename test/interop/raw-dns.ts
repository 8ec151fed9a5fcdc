/**
 * Sends DNS messages as octets to two servers at once: whether each answers, with which header, and with which records.
 */
import { createSocket } from 'node:dgram';
import { decodeMessage, type Message, type ResourceRecord } from '../../src/protocol/dns/message.ts';
import { nameKey } from '../../src/protocol/dns/name.ts';
import { printRdata } from '../../src/protocol/dns/rr/rdata.ts';
import { typeName, typeNumber } from '../../src/protocol/dns/rr/table.ts';
import { WireWriter } from '../../src/protocol/dns/wire.ts';

/** A query field by field; omitted fields are those of an ordinary query. */
export interface RawQuery {
  readonly name?: string;
  /** By name or number. */
  readonly type?: string | number;
  readonly class?: number;
  /** The second word of the header. */
  readonly bits?: number;
  /** Questions, answers, authorities, additionals. */
  readonly counts?: readonly [number, number, number, number];
  /** Octets after the question. */
  readonly more?: readonly number[];
  /** All octets after the header, instead of the question. */
  readonly body?: readonly number[];
  /** Sends only this many octets. */
  readonly cut?: number;
}

export const opcode = (number: number): number => number << 11;
export const BIT = {
  qr: 0x8000,
  aa: 0x0400,
  tc: 0x0200,
  rd: 0x0100,
  ra: 0x0080,
  z: 0x0040,
  ad: 0x0020,
  cd: 0x0010,
} as const;
/** An OPT record with these octets of options. */
export const opt = (
  options: readonly number[] = [],
  { size = 1232, version = 0, flags = 0, rcode = 0 } = {},
): number[] => [
  ...[
    0,
    0,
    41,
    size >> 8,
    size & 255,
    rcode,
    version,
    flags >> 8,
    flags & 255,
    options.length >> 8,
    options.length & 255,
  ],
  ...options,
];

export function octetsOf(query: RawQuery, id: number): Buffer {
  const out = new WireWriter();
  for (const word of [id, query.bits ?? 0, ...(query.counts ?? [1, 0, 0, 0])]) out.u16(word);
  if (query.body === undefined) {
    out.name(query.name ?? 'example.com.');
    out.u16(typeof query.type === 'number' ? query.type : (typeNumber(query.type ?? 'A') ?? 0));
    out.u16(query.class ?? 1);
  }
  out.bytes(query.body ?? query.more ?? []);
  return Buffer.from(out.finish().subarray(0, query.cut ?? out.offset));
}

/**
 * The answers in the order of the queries; null for silence. All are sent at once over one socket, each with its own
 * ID.
 */
export async function askAll(port: number, queries: readonly RawQuery[], waitMs: number): Promise<(Buffer | null)[]> {
  const socket = createSocket('udp4');
  const answers = new Array<Buffer | null>(queries.length).fill(null);
  socket.on('message', (octets) => {
    if (octets.length >= 2) answers[octets.readUInt16BE(0) - 1] = octets;
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  for (const [i, query] of queries.entries()) {
    await new Promise((resolve) => socket.send(octetsOf(query, i + 1), port, '127.0.0.1', resolve));
    // A burst would overflow the socket of the server.
    if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  socket.close();
  return answers;
}

const FLAGS = Object.entries(BIT);

const record = ({ name, type, ttl, rdata, class: number }: ResourceRecord): string =>
  `${nameKey(name)} ${ttl} ${number === 1 ? '' : `CLASS${number} `}${typeName(type)} ${printRdata(type, rdata)}`.toLowerCase();

/** An answer as comparable lines: header, question, sections in any order. */
export function describeAnswer(octets: Buffer | null): string[] {
  if (octets === null) return ['no answer'];
  const bits = octets.readUInt16BE(2);
  const flags = FLAGS.filter(([, mask]) => bits & mask).map(([name]) => name);
  const header = `opcode ${(bits >> 11) & 15} rcode ${bits & 15} flags ${flags.join(' ')}`;
  let message: Message;
  try {
    message = decodeMessage(octets);
  } catch (error) {
    return [header, `unreadable: ${String(error)}`];
  }
  const sections = (['answers', 'authorities', 'additionals'] as const).flatMap((section) =>
    message[section].map((one) => `${section} ${record(one)}`),
  );
  return [
    header,
    ...message.questions.map(({ name, type, class: number }) => `question ${name} ${type} ${number}`),
    ...sections.sort(),
    ...(message.edns === null
      ? []
      : [
          `edns version ${message.edns.version} size ${message.edns.size} do ${message.edns.dnssecOk} rcode ${message.rcode >> 4}`,
        ]),
  ];
}
