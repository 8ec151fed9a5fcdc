/**
 * Names that are not host names (RFC 952, RFC 1123) where one is required: owners of addresses and mail
 * exchangers, targets of NS, MX, SRV and similar records (BIND: check-names).
 */

import { type DomainName, isWithin, nameKey, splitFirst, withoutFinalDot } from './name.ts';
import { TYPE } from './rr/table.ts';
import { WireReader } from './wire.ts';
import type { PlacedRecord } from './zone-file.ts';

const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+$/i;
const isHost = (name: DomainName): boolean => name === '.' || HOST.test(name);
/** A mailbox as a name: its first label is a local part and may contain anything. */
const isMailbox = (name: DomainName): boolean => isHost(splitFirst(name).rest);

const HOST_OWNERS: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.MX, TYPE.A6, TYPE.WKS]);
const REVERSE = ['in-addr.arpa.', 'ip6.arpa.', 'ip6.int.'];

/** How many octets precede the names in a type's data, and what each name must be. */
const TARGETS: ReadonlyMap<
  number,
  { readonly skip: number; readonly names: readonly ((name: DomainName) => boolean)[] }
> = new Map([
  [TYPE.NS, { skip: 0, names: [isHost] }],
  [TYPE.SOA, { skip: 0, names: [isHost, isMailbox] }],
  [TYPE.MX, { skip: 2, names: [isHost] }],
  [TYPE.SRV, { skip: 6, names: [isHost] }],
  [TYPE.AFSDB, { skip: 2, names: [isHost] }],
  [TYPE.RT, { skip: 2, names: [isHost] }],
  [TYPE.RP, { skip: 0, names: [isMailbox] }],
  [TYPE.MINFO, { skip: 0, names: [isMailbox, isMailbox] }],
  [TYPE.PTR, { skip: 0, names: [isHost] }],
]);

/** What is wrong with a record's names, in BIND's wording. */
export function* nameProblems(record: PlacedRecord): Generator<string, void, void> {
  const { type, name } = record;
  const owner = name.startsWith('*.') ? name.slice(2) : name;
  if (HOST_OWNERS.has(type) && !isHost(owner)) yield `${withoutFinalDot(name)}: bad owner name (check-names)`;
  const targets = TARGETS.get(type);
  // Outside the reverse zones a PTR record may point to any name (RFC 6763 section 4.1).
  if (targets === undefined || (type === TYPE.PTR && !REVERSE.some((zone) => isWithin(nameKey(name), zone)))) return;
  const data = new WireReader(record.rdata, targets.skip);
  for (const fits of targets.names) {
    const target = data.name();
    if (!fits(target)) yield `${withoutFinalDot(target)}: bad name (check-names)`;
  }
}
