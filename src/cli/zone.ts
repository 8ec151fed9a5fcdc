/**
 * `posthorn zone check`: reads zones as the server would and reports all errors at once (BIND: named-checkconf -z,
 * named-checkzone).
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { DomainName } from '../protocol/dns/name.ts';
import { type CheckedZone, checkZones, describeZone, isFile, zoneFile, zoneName } from './checked-zone.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

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
    else for (const checked of zones) console.log(describeZone(checked));
    if (zones.some((checked) => checked.faults.length > 0)) throw new CommanderError(1, 'posthorn.zone', 'faulty zone');
  });
}

/**
 * The primary zones of named.conf in the configuration folder; with `only`, the one with that name or file. Rejects
 * with ConfigurationError.
 */
async function configuredZones(config: string, only: string | undefined): Promise<CheckedZone[]> {
  const { requireConfiguration } = await import('../config/load.ts');
  const { thisMachine } = await import('../config/machine.ts');
  const { configuredZones: zonesOf } = await import('../app/read.ts');
  const loaded = await requireConfiguration({ directory: config, ...thisMachine() });
  const primaries = zonesOf(loaded.configuration).filter(({ kind }) => kind === 'primary');
  const wanted = only === undefined ? primaries : await chosen(only, primaries);
  if (wanted.length === 0 && only !== undefined) return [await fileAlone(only)];
  return checkZones(loaded.configuration, wanted);
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
