/**
 * From a master file to a zone that may be served, or to all the reasons why it may not: the checks and
 * wording of named-checkzone, except for checks that would query other servers.
 */

import { nameProblems } from './check-names.ts';
import { type DomainName, isWithin, nameKey, parseIp4, withoutFinalDot } from './name.ts';
import { textsOf } from './rr/rdata.ts';
import { recordType, TYPE, typeName } from './rr/table.ts';
import { WireReader } from './wire.ts';
import { buildZone, type Conflict, closestEncloser, cutAbove, type Zone } from './zone.ts';
import { type PlacedRecord, parseZoneFile, type ZoneFault, type ZoneFileOptions } from './zone-file.ts';
import type { ZoneNode } from './zone-node.ts';

export interface LoadedZone {
  /** Null if there are faults. */
  readonly zone: Zone | null;
  readonly faults: readonly ZoneFault[];
  readonly warnings: readonly ZoneFault[];
}

/** The consequence of a kind of problem for its zone. */
export type Severity = 'fail' | 'warn' | 'ignore';

/** The BIND options that set how strictly a zone is checked, by name. */
export interface ZoneChecks {
  readonly 'check-names': Severity;
  readonly 'check-mx': Severity;
  readonly 'check-mx-cname': Severity;
  readonly 'check-srv-cname': Severity;
  readonly 'check-spf': Severity;
  /** False: do not check the targets of MX, SRV, and NS below the apex. */
  readonly 'check-integrity': boolean;
}

/** The defaults of named-checkzone. */
export const LENIENT_CHECKS: ZoneChecks = {
  'check-names': 'warn',
  'check-mx': 'warn',
  'check-mx-cname': 'warn',
  'check-srv-cname': 'warn',
  'check-spf': 'warn',
  'check-integrity': true,
};
/** The defaults of named for a primary zone. */
export const PRIMARY_CHECKS: ZoneChecks = { ...LENIENT_CHECKS, 'check-names': 'fail' };

interface Problem {
  readonly severity: Severity;
  readonly message: string;
}

/** Reads and checks a whole zone. Never throws. */
export function loadZone(text: string, options: ZoneFileOptions, checked: ZoneChecks = LENIENT_CHECKS): LoadedZone {
  const parsed = parseZoneFile(text, options);
  const faults = [...parsed.faults];
  const warnings = [...parsed.warnings];
  const { zone, conflicts } = buildZone(options.origin, parsed.records);
  for (const conflict of conflicts) {
    const { file, line } = conflict.record;
    (conflict.kind === 'ttl' ? warnings : faults).push({ file, line, message: CONFLICTS[conflict.kind](conflict) });
  }
  const tell = (file: string, line: number, { severity, message }: Problem): void => {
    if (severity !== 'ignore') (severity === 'fail' ? faults : warnings).push({ file, line, message });
  };
  for (const record of parsed.records)
    for (const problem of recordProblems(record, checked)) tell(record.file, record.line, problem);
  const whole = (message: string): ZoneFault => ({ file: options.file, line: 0, message });
  const top = parsed.records.filter((record) => nameKey(record.name) === nameKey(options.origin));
  // After read errors, "missing" records may just be unreadable ones: report only the read errors.
  if (parsed.faults.length === 0) {
    if (zone === null) faults.push(whole('has 0 SOA records: a zone must start with `@ IN SOA …`'));
    if (!top.some((record) => record.type === TYPE.NS))
      faults.push(whole('has no NS records: add `@ IN NS` and the name of a name server'));
  }
  if (zone !== null && parsed.faults.length === 0) {
    for (const problem of zoneProblems(zone, checked)) tell(options.file, 0, problem);
  }
  return { zone: faults.length === 0 ? zone : null, faults, warnings };
}

const CONFLICTS: Readonly<Record<Conflict<PlacedRecord>['kind'], (conflict: Conflict<PlacedRecord>) => string>> = {
  ttl: (conflict) => `TTL set to prior TTL (${conflict.kind === 'ttl' ? conflict.ttl : 0})`,
  singleton: ({ record }) => `${withoutFinalDot(record.name)}: multiple RRs of singleton type ${typeName(record.type)}`,
  cname: ({ record }) => `${withoutFinalDot(record.name)}: CNAME and other data`,
};

function* recordProblems(record: PlacedRecord, checks: ZoneChecks): Generator<Problem, void, void> {
  const { type, rdata } = record;
  const target = type === TYPE.MX || type === TYPE.NS ? targetOf(type, rdata) : null;
  if (target !== null && parseIp4(target.split('.').slice(0, 4).join('.')) !== null) {
    if (type === TYPE.MX)
      yield { severity: checks['check-mx'], message: `'${withoutFinalDot(target)}': MX is an address` };
    else yield { severity: 'warn', message: `NS record '${withoutFinalDot(target)}' appears to be an address` };
  }
  const names = checks['check-names'];
  const remedy = names === 'fail' ? ': not a host name; "check-names ignore;" in the zone statement allows it' : '';
  if (names !== 'ignore')
    for (const message of nameProblems(record)) yield { severity: names, message: `${message}${remedy}` };
  const deprecated = type === TYPE.DS || type === TYPE.CDS ? DEPRECATED_DIGESTS[rdata[3] ?? 0] : undefined;
  if (deprecated !== undefined)
    yield {
      severity: 'warn',
      message: `${withoutFinalDot(record.name)}/${typeName(type)} deprecated digest type ${rdata[3]} (${deprecated})`,
    };
}

/** For DS (RFC 8624 section 3.3). */
const DEPRECATED_DIGESTS: Readonly<Record<number, string>> = { 1: 'SHA-1', 3: 'GOST' };

const targetOf = (type: number, rdata: Uint8Array): DomainName | null =>
  recordType(type)?.additional?.(new WireReader(rdata))?.name ?? null;

/** Types whose targets are checked, with BIND's name for each. */
const TARGETS: readonly (readonly [number, string])[] = [
  [TYPE.NS, 'NS'],
  [TYPE.MX, 'MX'],
  [TYPE.SRV, 'SRV'],
];

function* zoneProblems(zone: Zone, checks: ZoneChecks): Generator<Problem, void, void> {
  for (const node of zone.nodes.values()) {
    for (const [type, word] of TARGETS) {
      const apexNs = type === TYPE.NS && node === zone.apex;
      if (!apexNs && !checks['check-integrity']) continue;
      for (const rdata of node.sets.get(type)?.rdatas ?? []) {
        const target = targetOf(type, rdata);
        if (target === null || target === '.' || !isWithin(nameKey(target), zone.key)) continue;
        const problem = targetProblem(zone, node, type, target);
        if (problem === null) continue;
        const place = apexNs ? word : `${withoutFinalDot(node.name)}/${word}`;
        // An unresolvable name server of the zone itself makes the zone useless; other targets affect one name only.
        const severity = apexNs ? 'fail' : problem === IS_CNAME ? cnameSeverity(type, checks) : 'warn';
        yield { severity, message: `${place} '${withoutFinalDot(target)}' ${problem}` };
      }
    }
    if (checks['check-integrity'])
      for (const message of spfWarning(node)) yield { severity: checks['check-spf'], message };
  }
}

const cnameSeverity = (type: number, checks: ZoneChecks): Severity =>
  type === TYPE.MX ? checks['check-mx-cname'] : type === TYPE.SRV ? checks['check-srv-cname'] : 'warn';

const IS_CNAME = 'is a CNAME (illegal)';

/** The node above a name whose DNAME hides the name. */
function renamedBy(zone: Zone, key: string): ZoneNode | null {
  const cut = cutAbove(zone, key, TYPE.A);
  return cut?.sets.has(TYPE.DNAME) && nameKey(cut.name) !== key ? cut : null;
}

const hasAddress = (node: ZoneNode | undefined): boolean =>
  node !== undefined && (node.sets.has(TYPE.A) || node.sets.has(TYPE.AAAA));

function targetProblem(zone: Zone, node: ZoneNode, type: number, target: DomainName): string | null {
  const key = nameKey(target);
  const found = zone.nodes.get(key) ?? zone.nodes.get(`*.${nameKey(closestEncloser(zone, key).name)}`);
  if (found?.sets.has(TYPE.CNAME)) return IS_CNAME;
  const renamed = renamedBy(zone, key);
  if (renamed !== null) return `is below a DNAME '${withoutFinalDot(renamed.name)}' (illegal)`;
  if (hasAddress(found)) return null;
  const cut = cutAbove(zone, key, TYPE.A);
  // The addresses below another delegation are not in this zone.
  if (cut !== null) return type === TYPE.NS && cut === node ? 'has no REQUIRED GLUE address records (A or AAAA)' : null;
  return 'has no address records (A or AAAA)';
}

function* spfWarning(node: ZoneNode): Generator<string, void, void> {
  if (!node.sets.has(TYPE.SPF)) return;
  const texts = (node.sets.get(TYPE.TXT)?.rdatas ?? []).map((rdata) =>
    Buffer.concat(textsOf(rdata)).toString('latin1'),
  );
  if (texts.some((text) => text.startsWith('v=spf1'))) return;
  yield `'${withoutFinalDot(node.name)}' found type SPF record but no SPF TXT record found, add matching type TXT record`;
}
