/** A zone as the server would read it, with its faults and warnings, in the words of named-checkzone. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import { formatFault } from '../config/fault.ts';
import type { DomainName } from '../protocol/dns/name.ts';
import type { ZoneOptions } from '../server/dns/zones.ts';

export interface CheckedZone {
  readonly name: string;
  readonly serial: number | null;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

export function describeZone({ name, serial, faults, warnings }: CheckedZone): string {
  const verdict =
    serial === null || faults.length > 0
      ? `zone ${name}/IN: not loaded due to errors.`
      : `zone ${name}/IN: loaded serial ${serial}\nOK`;
  return [...faults, ...warnings.map((warning) => `warning: ${warning}`), verdict].join('\n');
}

/** Checks any file as the zone of that name, as strictly as named-checkzone. */
export async function zoneFile(name: string, file: string): Promise<CheckedZone> {
  const { loadZone } = await import('../protocol/dns/zone-check.ts');
  const { withoutFinalDot } = await import('../protocol/dns/name.ts');
  const path = resolve(file);
  if (!isFile(path)) throw new Error(`${path}: there is no such file; expected posthorn zone check NAME FILE`);
  const read = (inner: string): { file: string; text: string } => {
    const beside = isAbsolute(inner) ? inner : join(dirname(path), inner);
    const found = existsSync(beside) ? beside : resolve(inner);
    return { file: found, text: readFileSync(found, 'latin1') };
  };
  const origin = await zoneName(name);
  const loaded = loadZone(readFileSync(path, 'latin1'), { file: path, origin, read });
  return {
    name: withoutFinalDot(origin),
    serial: loaded.zone?.soa.serial ?? null,
    faults: loaded.faults.map(formatFault),
    warnings: loaded.warnings.map(formatFault),
  };
}

export async function zoneName(text: string): Promise<DomainName> {
  const { NameError, nameKey, parseName } = await import('../protocol/dns/name.ts');
  try {
    return nameKey(parseName(text, '.'));
  } catch (error) {
    if (error instanceof NameError)
      throw new Error(`${text}: not the name of a zone: ${error.message}`, { cause: error });
    throw error;
  }
}

export const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/** Those of named.conf. */
export async function checkZones(
  configuration: Pick<Configuration, 'named' | 'resolvePath'>,
  zones: readonly ZoneOptions[],
): Promise<CheckedZone[]> {
  const { zoneFiles } = await import('../app/read.ts');
  const { loadZones } = await import('../server/dns/load-zones.ts');
  const { withoutFinalDot } = await import('../protocol/dns/name.ts');
  return zones.map((zone): CheckedZone => {
    const { zones: loaded, faults, warnings } = loadZones([zone], zoneFiles(configuration));
    return {
      name: withoutFinalDot(zone.name),
      serial: loaded[0]?.zone?.soa.serial ?? null,
      faults: faults.map(formatFault),
      warnings: warnings.map(formatFault),
    };
  });
}
