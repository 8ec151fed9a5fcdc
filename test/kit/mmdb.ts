/** Makes small databases in MaxMind's format (MaxMind DB File Format Specification 2.0): a tree of networks, and maps of values. */
import { parseNetwork } from '../../src/lookup/network.ts';

/** A number is of type uint32, a bigint of uint64; a Uint16Array of one is of uint16. */
export type MmdbValue =
  | string
  | number
  | bigint
  | Uint16Array
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

type Record = number | { readonly at: number } | null;

/** `records`: by network, such as `192.0.2.0/24` or `2001:db8::/32`, of which none is in another one. */
export function makeMmdb(records: Readonly<globalThis.Record<string, MmdbValue>>, type = 'Test-Country'): Buffer {
  const nodes: [Record, Record][] = [[null, null]];
  const data: Buffer[] = [];
  let length = 0;
  for (const [network, value] of Object.entries(records)) {
    const bits = bitsOf(network);
    let node = 0;
    for (const bit of bits.slice(0, -1)) {
      const next = nodes[node]?.[bit] ?? nodes.push([null, null]) - 1;
      if (typeof next !== 'number') throw new Error(`${network} is in another network`);
      (nodes[node] as [Record, Record])[bit] = next;
      node = next;
    }
    (nodes[node] as [Record, Record])[bits.at(-1) ?? 0] = { at: length };
    const octets = encoded(value);
    data.push(octets);
    length += octets.length;
  }
  const numberOf = (record: Record): number =>
    record === null ? nodes.length : typeof record === 'number' ? record : nodes.length + SEPARATOR.length + record.at;
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach((node, i) => {
    for (const side of [0, 1] as const) tree.writeUIntBE(numberOf(node[side]), i * 6 + side * 3, 3);
  });
  const metadata = {
    binary_format_major_version: Uint16Array.of(2),
    binary_format_minor_version: Uint16Array.of(0),
    build_epoch: 1_700_000_000n,
    database_type: type,
    description: { en: 'for a test' },
    ip_version: Uint16Array.of(6),
    languages: ['en'],
    node_count: nodes.length,
    record_size: Uint16Array.of(24),
  };
  return Buffer.concat([tree, SEPARATOR, ...data, MARKER, encoded(metadata)]);
}

const SEPARATOR = Buffer.alloc(16);
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** IPv4 is at ::/96. */
function bitsOf(text: string): (0 | 1)[] {
  const network = parseNetwork(text);
  if (typeof network === 'string') throw new Error(network);
  const octets = network.address.toByteArray();
  const all = [...Array<number>(16 - octets.length).fill(0), ...octets];
  const bits = all.flatMap((octet) => Array.from({ length: 8 }, (_, i) => ((octet >> (7 - i)) & 1) as 0 | 1));
  return bits.slice(0, (16 - octets.length) * 8 + network.bits);
}

function encoded(value: MmdbValue): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'number') return unsigned(6, 4, BigInt(value));
  if (typeof value === 'bigint') return unsigned(9, 8, value);
  if (value instanceof Uint16Array) return unsigned(5, 2, BigInt(value[0] ?? 0));
  if (isList(value)) return Buffer.concat([control(11, value.length), ...value.map(encoded)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([key, item]) => [encoded(key), encoded(item)]),
  ]);
}

const unsigned = (type: number, octets: number, value: bigint): Buffer =>
  Buffer.concat([control(type, octets), Buffer.from(value.toString(16).padStart(2 * octets, '0'), 'hex')]);

const isList = (value: MmdbValue): value is readonly MmdbValue[] => Array.isArray(value);

/** The control octets: a type above 7 is in an octet of its own, so is a size from 29 on. */
function control(type: number, size: number): Buffer {
  if (size >= 29 + 256) throw new Error('too long for a test');
  const extended = type > 7 ? [type - 7] : [];
  return Buffer.from([
    ((type > 7 ? 0 : type) << 5) | Math.min(size, 29),
    ...extended,
    ...(size < 29 ? [] : [size - 29]),
  ]);
}
