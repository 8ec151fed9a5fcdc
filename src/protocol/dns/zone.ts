/**
 * A zone in memory (RFC 1034 section 4.2): a node per name, including empty non-terminals, with an
 * RRset per type. Immutable: a reload builds a new one.
 */

import { type Chain, makeChain } from './chain.ts';
import { CLASS, type ResourceRecord, type RRset } from './message.ts';
import { type DomainName, isWithin, nameKey, parentName, splitFirst } from './name.ts';
import { printRdata } from './rr/rdata.ts';
import { recordType, TYPE } from './rr/table.ts';
import { readSoa, type Soa } from './soa.ts';
import { WireReader } from './wire.ts';
import type { ZoneNode } from './zone-node.ts';

export interface Zone {
  readonly origin: DomainName;
  readonly key: string;
  readonly soa: Soa;
  readonly apex: ZoneNode;
  /** By name key. */
  readonly nodes: ReadonlyMap<string, ZoneNode>;
  /** Keys of names with NS records below the apex, or with DNAME: if empty, lookups need no search for cuts. */
  readonly cuts: ReadonlySet<string>;
  /** Proofs of nonexistence; null in an unsigned zone. */
  readonly chain: Chain | null;
}

interface GrowingSet extends RRset {
  readonly rdatas: Uint8Array[];
}

/** A conflict of a record with its RRset, to be reported to the author. */
export type Conflict<R> =
  | { readonly record: R; readonly kind: 'ttl'; readonly ttl: number }
  | { readonly record: R; readonly kind: 'singleton' | 'cname' };

export interface Built<R> {
  /** Null if there is no SOA at the apex. */
  readonly zone: Zone | null;
  readonly conflicts: readonly Conflict<R>[];
}

/** Types allowed at the same name as a CNAME (RFC 2181 section 10.1, RFC 4034 sections 3 and 4). */
export const BESIDE_CNAME: ReadonlySet<number> = new Set([24, 25, TYPE.RRSIG, TYPE.NSEC]);

/** Records within `origin`, in any order; duplicates are dropped. */
export function buildZone<R extends ResourceRecord>(origin: DomainName, records: Iterable<R>): Built<R> {
  const top = nameKey(origin);
  const nodes = new Map<string, { readonly name: DomainName; readonly sets: Map<number, GrowingSet> }>();
  const seen = new Map<string, Set<string>>();
  const conflicts: Conflict<R>[] = [];

  const node = (name: DomainName, key: string) => {
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const made = { name, sets: new Map<number, GrowingSet>() };
    nodes.set(key, made);
    if (key !== top) node(parentName(name), parentName(key));
    return made;
  };

  node(origin, top);
  for (const record of records) {
    const key = nameKey(record.name);
    if (!isWithin(key, top)) continue;
    const { sets } = node(record.name, key);
    const set = sets.get(record.type);
    const cname = sets.has(TYPE.CNAME) && !BESIDE_CNAME.has(record.type) && record.type !== TYPE.CNAME;
    const others =
      record.type === TYPE.CNAME && [...sets.keys()].some((type) => type !== TYPE.CNAME && !BESIDE_CNAME.has(type));
    if (cname || others) {
      conflicts.push({ record, kind: 'cname' });
      continue;
    }
    const identity = rdataKey(record.type, record.rdata);
    if (set === undefined) {
      sets.set(record.type, {
        name: record.name,
        type: record.type,
        class: CLASS.IN,
        ttl: record.ttl,
        rdatas: [record.rdata],
      });
      continue;
    }
    // A set of record identities per RRset, created with its second record, keeps RRsets of many thousands linear.
    const place = `${record.type} ${key}`;
    const identities = seen.get(place) ?? new Set(set.rdatas.map((rdata) => rdataKey(record.type, rdata)));
    seen.set(place, identities);
    if (record.ttl !== set.ttl && record.type !== TYPE.RRSIG) conflicts.push({ record, kind: 'ttl', ttl: set.ttl });
    if (identities.has(identity)) continue;
    if (recordType(record.type)?.singleton) {
      conflicts.push({ record, kind: 'singleton' });
      continue;
    }
    identities.add(identity);
    set.rdatas.push(record.rdata);
  }

  const apex = nodes.get(top);
  const soa = apex?.sets.get(TYPE.SOA)?.rdatas[0];
  if (apex === undefined || soa === undefined) return { zone: null, conflicts };
  const cuts = new Set<string>();
  for (const [key, { sets }] of nodes) if ((key !== top && sets.has(TYPE.NS)) || sets.has(TYPE.DNAME)) cuts.add(key);
  return {
    zone: { origin, key: top, soa: readSoa(soa), apex, nodes, cuts, chain: makeChain({ apex, nodes }) },
    conflicts,
  };
}

/** Equal for equal data; names compare case-insensitively. */
function rdataKey(type: number, rdata: Uint8Array): string {
  const names = recordType(type)?.fields.some((field) => field.compressible) ?? false;
  return names ? printRdata(type, rdata).toLowerCase() : Buffer.from(rdata).toString('latin1');
}

/** All records, the SOA first: what a transfer sends and a secondary stores. */
export function* zoneRecords(zone: Zone): Generator<ResourceRecord, void, void> {
  for (const set of zoneSets(zone))
    for (const rdata of set.rdatas)
      yield { name: set.name, type: set.type, class: set.class, ttl: recordTtl(set, rdata), rdata };
}

/** The signatures at one name cover RRsets of different TTLs; each contains its TTL (RFC 4034 section 3.1.4). */
export const recordTtl = (set: RRset, rdata: Uint8Array): number =>
  set.type === TYPE.RRSIG ? new WireReader(rdata, 4).u32() : set.ttl;

function* zoneSets(zone: Zone): Generator<RRset, void, void> {
  const soa = zone.apex.sets.get(TYPE.SOA);
  if (soa !== undefined) yield soa;
  for (const node of zone.nodes.values()) for (const set of node.sets.values()) if (set !== soa) yield set;
}

/**
 * The highest cut or DNAME between the apex and the name. DS belongs to the parent (RFC 4035 section 3.1.4.1).
 */
export function cutAbove(zone: Zone, key: string, type: number): ZoneNode | null {
  let found: ZoneNode | null = null;
  for (let at = key; ; at = parentName(at)) {
    const node = zone.cuts.has(at) ? zone.nodes.get(at) : undefined;
    const delegates =
      node !== undefined && at !== zone.key && node.sets.has(TYPE.NS) && !(at === key && type === TYPE.DS);
    const renames = node !== undefined && at !== key && node.sets.has(TYPE.DNAME);
    if (node !== undefined && (delegates || renames)) found = node;
    if (at === zone.key || at === '.') return found;
  }
}

/** The longest existing ancestor of a name that does not exist (RFC 4592 section 3.3.1). */
export function closestEncloser(zone: Zone, key: string): ZoneNode {
  for (let at = splitFirst(key).rest; ; at = parentName(at)) {
    const node = zone.nodes.get(at);
    if (node !== undefined) return node;
    if (at === '.' || at === zone.key) return zone.apex;
  }
}
