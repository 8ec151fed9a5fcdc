/**
 * The chain of a signed zone: its NSEC or NSEC3 records in canonical or hash order
 * (RFC 4034 section 6.1, RFC 5155 section 5). Built once per zone.
 */

import { createHash } from 'node:crypto';
import { labelOctets, labelsOf, nameKey } from './name.ts';
import { hashedName } from './rr/dnssec.ts';
import { TYPE } from './rr/table.ts';
import { WireReader, WireWriter } from './wire.ts';
import type { ZoneNode } from './zone-node.ts';

/** A zone's NSEC or NSEC3 records in chain order. */
export interface Chain {
  readonly hashes: boolean;
  matching(key: string): ZoneNode | null;
  covering(key: string): ZoneNode | null;
  proofsOfNoData(key: string): readonly ZoneNode[];
}

/** Null for a zone that is unsigned, or signed in a way that is not supported. */
export function makeChain(zone: {
  readonly apex: ZoneNode;
  readonly nodes: ReadonlyMap<string, ZoneNode>;
}): Chain | null {
  const parameters = zone.apex.sets.get(TYPE.NSEC3PARAM)?.rdatas[0];
  const hashes = parameters !== undefined;
  const type = hashes ? TYPE.NSEC3 : TYPE.NSEC;
  const position = hashes ? hashOrder(parameters) : canonicalOrder;
  if (position === null) return null;
  const links = [...zone.nodes.values()]
    .filter((node) => node.sets.has(type))
    .map((node) => ({
      node,
      at: hashes ? (labelsOf(nameKey(node.name))[0] ?? '') : canonicalOrder(nameKey(node.name)),
    }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const last = links.at(-1);
  if (last === undefined) return null;

  const before = (at: string): { readonly node: ZoneNode; readonly at: string } => {
    let low = 0;
    let high = links.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((links[middle]?.at ?? '') <= at) low = middle + 1;
      else high = middle;
    }
    return links[low - 1] ?? last;
  };
  const matching = (key: string): ZoneNode | null => {
    const at = position(key);
    const link = before(at);
    return link.at === at ? link.node : null;
  };
  const covering = (key: string): ZoneNode | null => {
    const at = position(key);
    const link = before(at);
    return link.at === at ? null : link.node;
  };
  return {
    hashes,
    matching,
    covering,
    // An empty non-terminal has no NSEC of its own: the preceding one covers it.
    proofsOfNoData: (key) => [matching(key) ?? covering(key)].filter((node) => node !== null),
  };
}

/** A string that sorts in the canonical order of names (RFC 4034 section 6.1): labels from the right, by octet. */
function canonicalOrder(key: string): string {
  return (
    labelsOf(key)
      .toReversed()
      // 0x0000 ends a label and sorts before every octet, since octets are incremented by one.
      .map((label) => `${String.fromCharCode(...labelOctets(label).map((octet) => octet + 1))}\u0000`)
      .join('')
  );
}

/**
 * Hashes a name with the zone's parameters, giving the first label of an NSEC3 owner; null unless they specify SHA-1.
 */
function hashOrder(parameters: Uint8Array): ((key: string) => string) | null {
  const data = new WireReader(parameters);
  const algorithm = data.u8();
  data.u8();
  const iterations = data.u16();
  const salt = data.bytes(data.u8());
  // RFC 9276: more than 100 iterations would be too much work per query.
  if (algorithm !== 1 || iterations > 100) return null;
  return (key) => {
    const wire = new WireWriter(255, 255);
    wire.name(key);
    let digest: Uint8Array = wire.finish();
    for (let i = 0; i <= iterations; i += 1) digest = createHash('sha1').update(digest).update(salt).digest();
    return hashedName.print(new WireReader(Buffer.from([digest.length, ...digest]))).toLowerCase();
  };
}
