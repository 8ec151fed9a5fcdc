/** `named-checkzone` and `named-checkconf` (BIND): zones and named.conf as this server reads them. Requirement P4. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { formatFault } from '../../config/fault.ts';
import { readNamed } from '../../config/named/files.ts';
import { PathResolver } from '../../config/paths.ts';
import { ownVersion } from '../../version.ts';
import { type CheckedZone, checkZones, describeZone, isFile, zoneFile } from '../checked-zone.ts';
import type { OptionFault } from '../getopt.ts';
import { type Call, Fatal, isGiven, type NamedCommand, UsageFault } from './command.ts';

const complaintOf =
  (name: string, usage: string) =>
  (fault: OptionFault | null): string =>
    [...(fault === null ? [] : [`${name}: invalid argument -${fault.letter}`]), `usage: ${usage}`].join('\n');

const ZONE_USAGE =
  'named-checkzone [-djqvD] [-c class] [-k (ignore|warn|fail)] [-i mode] [-w directory] zonename filename';
const CONF_USAGE = 'named-checkconf [-hijlvz] [named.conf]';

export const namedCheckzone: NamedCommand = {
  letters: 'c:dDf:F:hi:jJ:k:l:L:m:M:n:o:qr:s:S:t:T:vw:W:',
  usage: ZONE_USAGE,
  failure: 1,
  complain: complaintOf('named-checkzone', ZONE_USAGE),
  async run(call) {
    if (isGiven(call, 'v')) return printVersion();
    refuse(call, ['D', 'f', 'F', 'J', 'o', 't']);
    const [name, file] = call.operands;
    if (name === undefined || file === undefined || isGiven(call, 'h')) throw new UsageFault();
    const directory = call.options.findLast(([letter]) => letter === 'w')?.[1];
    const given = resolve(directory ?? '', file);
    // As named.conf's own paths: /var/named/NAME of a tutorial is in the configuration folder.
    const path = isFile(given) ? given : new PathResolver(call.where.config).resolve(given);
    const checked = isFile(path) ? await zoneFile(name, path) : missing(name, file);
    if (!isGiven(call, 'q')) console.log(describeZone(checked));
    return checked.faults.length > 0 ? 1 : 0;
  },
};

const missing = (name: string, file: string): CheckedZone => ({
  name,
  serial: null,
  faults: [`zone ${name}/IN: loading from master file ${file} failed: file not found`],
  warnings: [],
});

export const namedCheckconf: NamedCommand = {
  letters: 'chijlpt:vxz',
  usage: CONF_USAGE,
  failure: 1,
  complain: complaintOf('named-checkconf', CONF_USAGE),
  async run(call) {
    if (isGiven(call, 'h')) throw new UsageFault();
    if (isGiven(call, 'v')) return printVersion();
    refuse(call, ['p', 'x', 't']);
    const given = call.operands[0];
    const file = given === undefined ? join(call.where.config, 'named.conf') : resolve(given);
    if (!existsSync(file)) {
      console.log(`open: ${given ?? file}: file not found`);
      return 1;
    }
    const paths = new PathResolver(dirname(file));
    const { config, faults, warnings } = readNamed(file, paths);
    for (const fault of [...faults, ...warnings]) console.log(formatFault(fault));
    const { configuredZones } = await import('../../app/read.ts');
    const named = { named: config, resolvePath: (path: string) => paths.resolve(path) };
    const zones = configuredZones(named);
    if (isGiven(call, 'l'))
      for (const { name, kind } of zones) console.log(`${name.slice(0, -1) || '.'} IN _default ${WORDS[kind]}`);
    const checked = isGiven(call, 'z')
      ? await checkZones(
          named,
          zones.filter(({ kind }) => kind === 'primary'),
        )
      : [];
    for (const zone of checked) console.log(describeZone(zone).replace(/\nOK$/, ''));
    return faults.length > 0 || checked.some((zone) => zone.faults.length > 0) ? 1 : 0;
  },
};

/** As `-l` prints them. */
const WORDS = { primary: 'master', secondary: 'slave' } as const;

function refuse(call: Call, letters: readonly string[]): void {
  const given = letters.find((letter) => isGiven(call, letter));
  if (given !== undefined) throw new Fatal(`-${given} is not supported`);
}

function printVersion(): number {
  console.log(ownVersion());
  return 0;
}
