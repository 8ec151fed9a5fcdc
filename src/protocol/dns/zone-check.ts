/**
 * From a master file to a zone that may be served, or to every reason why it may not: the checks and
 * words of named-checkzone, save those that would ask other servers.
 */

import { type DomainName, isWithin, nameKey, parseIp4, withoutFinalDot } from './name.ts';
import { textsOf } from './rr/rdata.ts';
import { recordType, TYPE, typeName } from './rr/table.ts';
import { WireReader } from './wire.ts';
import { buildZone, type Conflict, closestEncloser, cutAbove, type Zone } from './zone.ts';
import { type PlacedRecord, parseZoneFile, type ZoneFault, type ZoneFileOptions } from './zone-file.ts';
import type { ZoneNode } from './zone-node.ts';

export interface LoadedZone {
  /** Null where there are faults. */
  readonly zone: Zone | null;
  readonly faults: readonly ZoneFault[];
  readonly warnings: readonly ZoneFault[];
}

/** Reads and checks a whole zone. Never throws. */
export function loadZone(text: string, options: ZoneFileOptions): LoadedZone {
  const parsed = parseZoneFile(text, options);
  const faults = [...parsed.faults];
  const warnings = [...parsed.warnings];
  const { zone, conflicts } = buildZone(options.origin, parsed.records);
  for (const conflict of conflicts) {
    const { file, line } = conflict.record;
    (conflict.kind === 'ttl' ? warnings : faults).push({ file, line, message: CONFLICTS[conflict.kind](conflict) });
  }
  for (const record of parsed.records) warnings.push(...recordWarnings(record));
  const whole = (message: string): ZoneFault => ({ file: options.file, line: 0, message });
  const top = parsed.records.filter((record) => nameKey(record.name) === nameKey(options.origin));
  // What could not be read may be what is missed: those faults are enough.
  if (parsed.faults.length === 0) {
    if (zone === null) faults.push(whole('has 0 SOA records: a zone begins with `@ IN SOA …`'));
    if (!top.some((record) => record.type === TYPE.NS)) faults.push(whole('has no NS records: add `@ IN NS` and the name of a name server'));
  }
  if (zone !== null && parsed.faults.length === 0) {
    const checks = checkTargets(zone);
    faults.push(...checks.faults.map(whole));
    warnings.push(...checks.warnings.map(whole));
  }
  return { zone: faults.length === 0 ? zone : null, faults, warnings };
}

const CONFLICTS: Readonly<Record<Conflict<PlacedRecord>['kind'], (conflict: Conflict<PlacedRecord>) => string>> = {
  ttl: (conflict) => `TTL set to prior TTL (${conflict.kind === 'ttl' ? conflict.ttl : 0})`,
  singleton: ({ record }) => `${withoutFinalDot(record.name)}: multiple RRs of singleton type ${typeName(record.type)}`,
  cname: ({ record }) => `${withoutFinalDot(record.name)}: CNAME and other data`,
};

const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+$/i;
/** Types whose owners are host names (BIND: check-names). */
const HOST_OWNERS: ReadonlySet<number> = new Set([TYPE.A, TYPE.AAAA, TYPE.MX]);

function* recordWarnings(record: PlacedRecord): Generator<ZoneFault, void, void> {
  const { file, line, type, name } = record;
  if (HOST_OWNERS.has(type) && !HOST.test(name) && name !== '.') yield { file, line, message: `${withoutFinalDot(name)}: bad owner name (check-names)` };
  if (type !== TYPE.MX && type !== TYPE.NS) return;
  const target = targetOf(type, record.rdata);
  if (target === null || target === '.') return;
  const first = target.split('.').slice(0, 4).join('.');
  if (type === TYPE.MX && parseIp4(first) !== null) yield { file, line, message: `warning: '${withoutFinalDot(target)}': MX is an address` };
  else if (!HOST.test(target)) yield { file, line, message: `warning: ${withoutFinalDot(target)}: bad name (check-names)` };
}

const targetOf = (type: number, rdata: Uint8Array): DomainName | null => recordType(type)?.additional?.(new WireReader(rdata))?.name ?? null;

/** Types whose targets are looked at, each with how BIND names the place. */
const TARGETS: readonly (readonly [number, string])[] = [
  [TYPE.NS, 'NS'],
  [TYPE.MX, 'MX'],
  [TYPE.SRV, 'SRV'],
];

function checkTargets(zone: Zone): { readonly faults: readonly string[]; readonly warnings: readonly string[] } {
  const faults: string[] = [];
  const warnings: string[] = [];
  for (const node of zone.nodes.values()) {
    for (const [type, word] of TARGETS) {
      for (const rdata of node.sets.get(type)?.rdatas ?? []) {
        const target = targetOf(type, rdata);
        if (target === null || target === '.' || !isWithin(nameKey(target), zone.key)) continue;
        const problem = targetProblem(zone, node, type, target);
        if (problem === null) continue;
        const apexNs = type === TYPE.NS && node === zone.apex;
        const place = apexNs ? word : `${withoutFinalDot(node.name)}/${word}`;
        (apexNs ? faults : warnings).push(`${place} '${withoutFinalDot(target)}' ${problem}`);
      }
    }
    warnings.push(...spfWarning(node));
  }
  return { faults, warnings };
}

const hasAddress = (node: ZoneNode | undefined): boolean => node !== undefined && (node.sets.has(TYPE.A) || node.sets.has(TYPE.AAAA));

function targetProblem(zone: Zone, node: ZoneNode, type: number, target: DomainName): string | null {
  const key = nameKey(target);
  const found = zone.nodes.get(key) ?? zone.nodes.get(`*.${nameKey(closestEncloser(zone, key).name)}`);
  if (found?.sets.has(TYPE.CNAME)) return 'is a CNAME (illegal)';
  if (hasAddress(found)) return null;
  const cut = cutAbove(zone, key, TYPE.A);
  // Below another delegation the address is for others to know.
  if (cut !== null) return type === TYPE.NS && cut === node ? 'has no REQUIRED GLUE address records (A or AAAA)' : null;
  return 'has no address records (A or AAAA)';
}

function* spfWarning(node: ZoneNode): Generator<string, void, void> {
  if (!node.sets.has(TYPE.SPF)) return;
  const texts = (node.sets.get(TYPE.TXT)?.rdatas ?? []).map((rdata) => Buffer.concat(textsOf(rdata)).toString('latin1'));
  if (texts.some((text) => text.startsWith('v=spf1'))) return;
  yield `'${withoutFinalDot(node.name)}' found type SPF record but no SPF TXT record found, add matching type TXT record`;
}

/** What named-checkzone prints: warnings and faults, then whether the zone was loaded. */
export function describeLoad(origin: DomainName, loaded: LoadedZone): readonly string[] {
  const zone = `zone ${withoutFinalDot(origin)}/IN`;
  const lines = [...loaded.warnings, ...loaded.faults].map(({ file, line, message }) => (line > 0 ? `${file}:${line}: ${message}` : `${zone}: ${message}`));
  return [...lines, loaded.zone === null ? `${zone}: not loaded due to errors.` : `${zone}: loaded serial ${loaded.zone.soa.serial}`];
}
