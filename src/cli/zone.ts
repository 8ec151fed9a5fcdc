/** `posthorn zone check`: reads zones as the server would and says all faults at once (BIND: named-checkzone). */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
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
  withPlace(zone.command('check [name] [file]').description('check the zones of named.conf, or one zone file: zone check baidu.com named.baidu.com')).action(
    async (name: string | undefined, file: string | undefined, options: PlaceOptions) => {
      const where = place(options);
      const zones = name === undefined ? await configuredZones(where.config) : [await zoneFile(name, file ?? name)];
      if (where.json) printJson(zones);
      else if (zones.length === 0) console.log(`${join(where.config, 'named.conf')}: no zones of our own; "posthorn zone check NAME FILE" checks a file`);
      else for (const checked of zones) console.log(describe(checked));
      if (zones.some((checked) => checked.faults.length > 0)) throw new CommanderError(1, 'posthorn.zone', 'faulty zone');
    },
  );
}

function describe({ name, serial, faults, warnings }: CheckedZone): string {
  const verdict = serial === null || faults.length > 0 ? `zone ${name}/IN: not loaded due to errors.` : `zone ${name}/IN: loaded serial ${serial}\nOK`;
  return [...faults, ...warnings.map((warning) => `warning: ${warning}`), verdict].join('\n');
}

const located = ({ file, line, message }: { file: string; line: number; message: string }): string => `${line > 0 ? `${file}:${line}` : file}: ${message}`;

async function zoneFile(name: string, file: string): Promise<CheckedZone> {
  const { loadZone } = await import('../protocol/dns/zone-check.ts');
  const { nameKey, parseName } = await import('../protocol/dns/name.ts');
  const path = resolve(file);
  const read = (inner: string): string => readFileSync(isAbsolute(inner) ? inner : join(dirname(path), inner), 'latin1');
  const loaded = loadZone(read(path), { file: path, origin: nameKey(parseName(name.endsWith('.') ? name : `${name}.`)), read });
  return { name: name.replace(/\.$/, ''), serial: loaded.zone?.soa.serial ?? null, faults: loaded.faults.map(located), warnings: loaded.warnings.map(located) };
}

/** Every primary zone of named.conf in the configuration folder. Rejects with ConfigurationError. */
async function configuredZones(config: string): Promise<CheckedZone[]> {
  const { requireConfiguration } = await import('../config/load.ts');
  const { thisMachine } = await import('../config/machine.ts');
  const { configuredZones: zonesOf } = await import('../app/read.ts');
  const { loadZones } = await import('../server/dns/load-zones.ts');
  const { withoutFinalDot } = await import('../protocol/dns/name.ts');
  const loaded = await requireConfiguration({
    directory: config,
    ...thisMachine(),
  });
  const primaries = zonesOf(loaded.configuration).filter(({ kind }) => kind === 'primary');
  return primaries.map((zone) => {
    const { zones, faults, warnings } = loadZones([zone], (path) => readFileSync(path, 'latin1'));
    return { name: withoutFinalDot(zone.name), serial: zones[0]?.zone?.soa.serial ?? null, faults: faults.map(located), warnings: warnings.map(located) };
  });
}
