/** Reads the master files of configured zones. A zone with errors has no content; the other zones are not affected. */

import { type DomainName, withoutFinalDot } from '../../protocol/dns/name.ts';
import { type LoadedZone, loadZone } from '../../protocol/dns/zone-check.ts';
import { reasonOf, type ZoneFault } from '../../protocol/dns/zone-file.ts';
import type { ServedZone, ZoneOptions } from './zones.ts';

export interface FaultOfZone extends ZoneFault {
  readonly zone: DomainName;
}

export interface LoadedZones {
  /** Zones with errors, and secondaries without a copy, have no content. */
  readonly zones: readonly ServedZone[];
  readonly faults: readonly FaultOfZone[];
  readonly warnings: readonly FaultOfZone[];
}

export interface ZoneFiles {
  /** Returns the file as latin1 text (one octet per character), or throws. */
  read(file: string): string;
  /** Resolves the path of a file that a zone file includes. */
  find(included: string, zoneFile: string): string;
}

/** Never throws. */
export function loadZones(zones: readonly ZoneOptions[], files: ZoneFiles): LoadedZones {
  const served: ServedZone[] = [];
  const faults: FaultOfZone[] = [];
  const warnings: FaultOfZone[] = [];
  for (const options of zones) {
    const loaded = readZone(options, files);
    served.push({ options, zone: loaded.zone });
    const named = ({ file, line, message }: ZoneFault): FaultOfZone => ({
      zone: options.name,
      file,
      line,
      message: line > 0 ? message : `zone ${withoutFinalDot(options.name)}/IN: ${message}`,
    });
    // A damaged copy of a secondary zone is only a warning: the primary has the zone.
    (options.kind === 'secondary' ? warnings : faults).push(...loaded.faults.map(named));
    warnings.push(...loaded.warnings.map(named));
  }
  return { zones: served, faults, warnings };
}

function readZone(options: ZoneOptions, { read, find }: ZoneFiles): LoadedZone {
  const { file, kind, name } = options;
  if (file === null) return { zone: null, faults: [], warnings: [] };
  let text: string;
  try {
    text = read(file);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (kind === 'secondary' && absent) return { zone: null, faults: [], warnings: [] };
    const message = `zone ${withoutFinalDot(name)}/IN: loading from master file ${file} failed: ${reasonOf(error)}`;
    return { zone: null, faults: [{ ...(options.place ?? { file, line: 0 }), message }], warnings: [] };
  }
  const include = (inner: string): { readonly file: string; readonly text: string } => {
    const found = find(inner, file);
    return { file: found, text: read(found) };
  };
  return loadZone(text, { file, origin: name, read: include }, options.checks);
}
