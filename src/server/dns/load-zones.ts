/** Reads the master files of configured zones: all faults of all zones at once. */

import { dirname, isAbsolute, join } from 'node:path';
import { withoutFinalDot } from '../../protocol/dns/name.ts';
import { type LoadedZone, loadZone } from '../../protocol/dns/zone-check.ts';
import type { ZoneFault } from '../../protocol/dns/zone-file.ts';
import type { ServedZone, ZoneOptions } from './zones.ts';

export interface LoadedZones {
  /** Zones with faults, and secondaries without a copy, have no content. */
  readonly zones: readonly ServedZone[];
  readonly faults: readonly ZoneFault[];
  readonly warnings: readonly ZoneFault[];
}

/** `read` gives a file's text as latin1 (one octet a character), or throws. Never throws itself. */
export function loadZones(zones: readonly ZoneOptions[], read: (file: string) => string): LoadedZones {
  const served: ServedZone[] = [];
  const faults: ZoneFault[] = [];
  const warnings: ZoneFault[] = [];
  for (const options of zones) {
    const loaded = readZone(options, read);
    served.push({ options, zone: loaded.zone });
    const named = ({ file, line, message }: ZoneFault): ZoneFault => ({
      file,
      line,
      message: line > 0 ? message : `zone ${withoutFinalDot(options.name)}/IN: ${message}`,
    });
    // The copy of a secondary is written by us; where it is spoilt, the primary has another.
    (options.kind === 'secondary' ? warnings : faults).push(...loaded.faults.map(named));
    warnings.push(...loaded.warnings.map(named));
  }
  return { zones: served, faults, warnings };
}

function readZone(options: ZoneOptions, read: (file: string) => string): LoadedZone {
  const { file, kind, name } = options;
  if (file === null) return { zone: null, faults: [], warnings: [] };
  let text: string;
  try {
    text = read(file);
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (kind === 'secondary' && absent) return { zone: null, faults: [], warnings: [] };
    const reason = absent ? 'file not found' : error instanceof Error ? error.message : 'cannot be read';
    return { zone: null, faults: [{ file, line: 0, message: `loading from master file ${file} failed: ${reason}` }], warnings: [] };
  }
  return loadZone(text, { file, origin: name, read: (inner) => read(isAbsolute(inner) ? inner : join(dirname(file), inner)) });
}
