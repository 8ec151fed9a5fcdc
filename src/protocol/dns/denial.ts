/**
 * Signatures and proofs of nonexistence for zones signed elsewhere (RFC 4035 section 3.1.3,
 * RFC 5155 section 7.2): selects records that are in the zone. We do not sign.
 */

import type { RRset } from './message.ts';
import { labelsOf, nameKey } from './name.ts';
import { TYPE } from './rr/table.ts';
import type { Zone } from './zone.ts';
import type { ZoneNode } from './zone-node.ts';

/** RRSIGs at a node that cover a type, or null; they get the TTL of the covered RRset (RFC 4034 section 3). */
export function signaturesOf(node: ZoneNode, covered: RRset): RRset | null {
  const set = node.sets.get(TYPE.RRSIG);
  const rdatas = set?.rdatas.filter((rdata) => (((rdata[0] ?? 0) << 8) | (rdata[1] ?? 0)) === covered.type) ?? [];
  return set === undefined || rdatas.length === 0 ? null : { ...set, name: covered.name, ttl: covered.ttl, rdatas };
}

/**
 * Nodes whose NSEC or NSEC3 records prove that `key` does not exist (`node` null) or lacks the type.
 * `wildcard`: only prove that the name itself does not exist, since a wildcard answered for it.
 */
export function denial(
  zone: Zone,
  key: string,
  encloser: ZoneNode,
  node: ZoneNode | null,
  wildcard = false,
): readonly ZoneNode[] {
  const { chain } = zone;
  if (chain === null) return [];
  const at = nameKey(encloser.name);
  if (node !== null && nameKey(node.name) === key) return chain.proofsOfNoData(key);
  const next = nextCloser(key, at);
  const proofs = [chain.covering(chain.hashes ? next : key)];
  if (chain.hashes && !wildcard) proofs.push(chain.matching(at));
  if (node !== null) proofs.push(chain.matching(nameKey(node.name)));
  else if (!wildcard) proofs.push(chain.covering(`*.${at}`));
  return proofs.filter((proof) => proof !== null);
}

/** The name one label longer than the encloser, towards `key` (RFC 5155 section 1.3). */
function nextCloser(key: string, encloser: string): string {
  const labels = labelsOf(key);
  const depth = labelsOf(encloser).length;
  const label = labels[labels.length - depth - 1] ?? '';
  return encloser === '.' ? `${label}.` : `${label}.${encloser}`;
}
