/**
 * `posthorn zone check`: reads zones as the server would and reports all errors at once (BIND: named-checkconf -z,
 * named-checkzone).
 */
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { formatFault } from '../config/fault.ts';
import type { DomainName } from '../protocol/dns/name.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface CheckedZone {
  readonly name: string;
  readonly serial: number | null;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

export function addZoneCommand(program: Command): void {
  const zone = program.command('zone').description('zones of the name server');
  withPlace(
    zone
      .command('check [zone] [file]')
      .description(
        'check the zones of named.conf, one of them by its name or its file, or any zone file: zone check baidu.com named.baidu.com',
      ),
  ).action(async (name: string | undefined, file: string | undefined, options: PlaceOptions) => {
    const where = place(options);
    const zones =
      name !== undefined && file !== undefined
        ? [await zoneFile(name, file)]
        : await configuredZones(where.config, name);
    if (where.json) printJson(zones);
    else if (zones.length === 0)
      console.log(
        `${join(where.config, 'named.conf')}: no zones of our own; "posthorn zone check NAME FILE" checks a file`,
      );
    else for (const checked of zones) console.log(describe(checked));
    if (zones.some((checked) => checked.faults.length > 0)) throw new CommanderError(1, 'posthorn.zone', 'faulty zone');
  });
}

function describe({ name, serial, faults, warnings }: CheckedZone): string {
  const verdict =
    serial === null || faults.length > 0
      ? `zone ${name}/IN: not loaded due to errors.`
      : `zone ${name}/IN: loaded serial ${serial}\nOK`;
  return [...faults, ...warnings.map((warning) => `warning: ${warning}`), verdict].join('\n');
}

/** Checks any file as the zone of that name, as strictly as named-checkzone. */
async function zoneFile(name: string, file: string): Promise<CheckedZone> {
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

async function zoneName(text: string): Promise<DomainName> {
  const { NameError, nameKey, parseName } = await import('../protocol/dns/name.ts');
  try {
    return nameKey(parseName(text, '.'));
  } catch (error) {
    if (error instanceof NameError)
      throw new Error(`${text}: not the name of a zone: ${error.message}`, { cause: error });
    throw error;
  }
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

/**
 * The primary zones of named.conf in the configuration folder; with `only`, the one with that name or file. Rejects
 * with ConfigurationError.
 */
async function configuredZones(config: string, only: string | undefined): Promise<CheckedZone[]> {
  const { requireConfiguration } = await import('../config/load.ts');
  const { thisMachine } = await import('../config/machine.ts');
  const { configuredZones: zonesOf, zoneFiles } = await import('../app/read.ts');
  const { loadZones } = await import('../server/dns/load-zones.ts');
  const { withoutFinalDot } = await import('../protocol/dns/name.ts');
  const loaded = await requireConfiguration({ directory: config, ...thisMachine() });
  const primaries = zonesOf(loaded.configuration).filter(({ kind }) => kind === 'primary');
  const wanted = only === undefined ? primaries : await chosen(only, primaries);
  if (wanted.length === 0 && only !== undefined) return [await fileAlone(only)];
  return wanted.map((zone): CheckedZone => {
    const { zones, faults, warnings } = loadZones([zone], zoneFiles(loaded.configuration));
    return {
      name: withoutFinalDot(zone.name),
      serial: zones[0]?.zone?.soa.serial ?? null,
      faults: faults.map(formatFault),
      warnings: warnings.map(formatFault),
    };
  });
}

async function chosen<Z extends { readonly name: DomainName; readonly file: string | null }>(
  only: string,
  zones: readonly Z[],
): Promise<readonly Z[]> {
  const path = isFile(resolve(only)) ? realpathSync(resolve(only)) : null;
  const ofFile = zones.filter(
    ({ file }) => path !== null && file !== null && existsSync(file) && realpathSync(file) === path,
  );
  if (ofFile.length > 0) return ofFile;
  const { NameError } = await import('../protocol/dns/name.ts');
  const name = await zoneName(only).catch((error: unknown) => {
    if (error instanceof Error && error.cause instanceof NameError) return null;
    throw error;
  });
  return zones.filter((zone) => zone.name === name);
}

/** A file that is not in named.conf: it must contain the zone's name. */
async function fileAlone(file: string): Promise<CheckedZone> {
  if (!isFile(resolve(file)))
    throw new Error(
      `${file}: neither a zone of named.conf nor a file; expected posthorn zone check, zone check NAME, or zone check NAME FILE`,
    );
  const text = readFileSync(resolve(file), 'latin1');
  const name =
    /^\$ORIGIN[ \t]+(\S+\.)[ \t]*(?:;.*)?$/im.exec(text)?.[1] ??
    /^(\S+\.)[ \t]+(?:[0-9]\S*[ \t]+|IN[ \t]+)*SOA[ \t]/im.exec(text)?.[1];
  if (name === undefined)
    throw new Error(`${file}: the file does not say which zone it is: posthorn zone check NAME ${file}`);
  return zoneFile(name, file);
}
