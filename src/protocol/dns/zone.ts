/**
 * A zone in memory (RFC 1034 section 4.2): a node for each name, empty non-terminals included, an
 * RRset for each type at it. Never changed once built: a reload builds another.
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
  /** Keys of names with NS records below the apex, or with DNAME: none means that the search needs no walk. */
  readonly cuts: ReadonlySet<string>;
  /** Proofs that a name does not exist; null in a zone that is not signed. */
  readonly chain: Chain | null;
}

interface GrowingSet extends RRset {
  readonly rdatas: Uint8Array[];
}

/** Something a record does to its RRset that its author should know. */
export type Conflict<R> =
  | { readonly record: R; readonly kind: 'ttl'; readonly ttl: number }
  | { readonly record: R; readonly kind: 'singleton' | 'cname' };

export interface Built<R> {
  /** Null where there is no SOA at the top. */
  readonly zone: Zone | null;
  readonly conflicts: readonly Conflict<R>[];
}

/** Types that may stand beside a CNAME (RFC 2181 section 10.1, RFC 4034 sections 3 and 4). */
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
    // One set of identities for each RRset, made with its second record: a set of many thousand stays linear.
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

/** Equal for equal data, names compared without regard to case. */
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

/** Signatures of one name cover RRsets of different TTLs, each in its data (RFC 4034 section 3.1.4). */
export const recordTtl = (set: RRset, rdata: Uint8Array): number =>
  set.type === TYPE.RRSIG ? new WireReader(rdata, 4).u32() : set.ttl;

function* zoneSets(zone: Zone): Generator<RRset, void, void> {
  const soa = zone.apex.sets.get(TYPE.SOA);
  if (soa !== undefined) yield soa;
  for (const node of zone.nodes.values()) for (const set of node.sets.values()) if (set !== soa) yield set;
}

/**
 * The highest cut or DNAME on the way from the apex to the name. DS belongs to the parent (RFC 4035 section 3.1.4.1).
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

/** The longest existing name at or above a name that does not exist (RFC 4592 section 3.3.1). */
export function closestEncloser(zone: Zone, key: string): ZoneNode {
  for (let at = splitFirst(key).rest; ; at = parentName(at)) {
    const node = zone.nodes.get(at);
    if (node !== undefined) return node;
    if (at === '.' || at === zone.key) return zone.apex;
  }
}
