/** `postconf` (postconf(1)): shows and changes main.cf and master.cf, by every name that they have. Requirement P4. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatFault } from '../../config/fault.ts';
import { thisMachine } from '../../config/machine.ts';
import { parseAssignment } from '../../config/postfix/main-cf.ts';
import * as rows from '../../config/postfix/postconf.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import { printJson } from '../output.ts';
import { type Call, Fatal, isGiven, type NamedCommand, valuesOf, warn } from './command.ts';
import { editMain } from './postconf-edit.ts';
import { masterMode } from './postconf-master.ts';
import { printTemplates } from './postconf-templates.ts';

export const postconf: NamedCommand = {
  letters: 'aAbc:C:deEf#FhHlmMno:pPtT:vxXS',
  folder: 'c',
  long: {
    '--defaults': '-d',
    '--non-default': '-n',
    '--table-types': '-m',
    '--server-sasl': '-a',
    '--client-sasl': '-A',
    '--edit': '-e',
    '--hide-names': '-h',
    '--expand': '-x',
    '--states': '-S',
  },
  usage:
    'postconf [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] [-c param_class] [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] [-h (no names)] [-H (no values)] [-l (lock types)] [-m (map types)] [-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)] [-P (master.cf parameters)] [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] [-v (verbose)] [-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]',
  failure: 1,
  async run(call) {
    refuseCombinations(call);
    const list = LISTS.find(([letter]) => isGiven(call, letter));
    if (list !== undefined) return printList(call, list[1]());
    if (isGiven(call, 'S')) return printStates(call);
    for (const mode of valuesOf(call, 'T')) return printTls(call, mode);
    if (isGiven(call, 'b') || isGiven(call, 't')) return printTemplates(call, isGiven(call, 'b'), overridesOf(call));
    const path = join(call.where.config, 'main.cf');
    if (!existsSync(path)) throw new Error(`${path}: there is no such file; --config names the folder of main.cf`);
    if (MASTER_MODES.some((letter) => isGiven(call, letter))) return masterMode(call);
    if (['e', 'X', '#'].some((letter) => isGiven(call, letter)) || call.operands.some((word) => word.includes('=')))
      return editMain(call, path);
    return show(call);
  },
};

/** Options of which one at most makes sense, as Postfix lists them. */
const EXCLUSIVE = ['#', 'd', 'e', 'n', 'X'];
const VALUES_OR_NAMES = ['h', 'H'];
const MASTER_MODES = ['F', 'M', 'P'];
/** What does not go with a mode of master.cf. */
const NOT_WITH: Readonly<Record<string, readonly string[]>> = {
  F: ['#', 'd', 'n', 'X'],
  M: ['d', 'h', 'H', 'n'],
  P: ['#', 'd', 'n'],
};

function refuseCombinations(call: Call): void {
  const given = (letters: readonly string[]): string[] => letters.filter((letter) => isGiven(call, letter));
  const exclusive = given(MASTER_MODES).length === 0 ? [EXCLUSIVE, VALUES_OR_NAMES] : [VALUES_OR_NAMES, MASTER_MODES];
  for (const letters of exclusive) {
    const both = given(letters);
    if (both.length > 1) throw new Fatal(`specify one of ${both.map((letter) => `-${letter}`).join(' ')}`);
  }
  for (const [mode, letters] of Object.entries(NOT_WITH)) {
    const [wrong] = isGiven(call, mode) ? given(letters) : [];
    if (wrong !== undefined) throw new Fatal(`with option -${mode}, do not specify -${wrong}`);
  }
}

const LISTS: readonly (readonly [letter: string, list: () => readonly string[]])[] = [
  ['m', rows.tableTypeNames],
  ['a', () => rows.serverSaslTypes],
  ['A', () => rows.clientSaslTypes],
  ['l', () => rows.lockTypes],
];

function printList({ where }: Call, list: readonly string[]): number {
  if (where.json) printJson(list);
  else console.log(list.join('\n'));
  return 0;
}

/** --states */
async function printStates({ where }: Call): Promise<number> {
  const { describeCounts, stateCounts } = await import('../../config/postfix/parameter-reference.ts');
  if (where.json) printJson(stateCounts());
  else console.log(describeCounts(stateCounts()));
  return 0;
}

/** What the TLS library is; Node brings its own. */
function printTls({ name }: Call, mode: string): number {
  const version = `OpenSSL ${process.versions.openssl}`;
  const answer = new Map([
    ['compile-version', version],
    ['run-version', version],
    ['public-key-algorithms', 'dsa\necdsa\nrsa'],
  ]).get(mode);
  if (answer === undefined) warn(name, `unknown 'postconf -T' mode: ${mode}`);
  else console.log(answer);
  return answer === undefined ? 1 : 0;
}

async function show(call: Call): Promise<number> {
  const { name, where, operands } = call;
  const overrides = overridesOf(call);
  const read = showMainCf({ directory: where.config, overrides, ...thisMachine() });
  const { parameters, names, unreadable, doubtful } = read;
  const set = [...names, ...Object.keys(overrides)];
  // Defaults do not depend on any file.
  if (unreadable.length > 0 && !isGiven(call, 'd')) {
    for (const fault of unreadable) console.error(`${name}: fatal: ${formatFault(fault)}`);
    return 1;
  }
  for (const fault of doubtful) warn(name, formatFault(fault));
  const all = isGiven(call, 'n')
    ? rows.setRows(parameters, set)
    : isGiven(call, 'd')
      ? rows.defaultRows(parameters)
      : rows.allRows(parameters, set);
  let chosen = inClasses(all, classesOf(call));
  if (operands.length > 0) {
    const asked = rows.namedRows(parameters, operands);
    for (const unknown of asked.unknown) warn(name, `${unknown}: unknown parameter`);
    const known = new Map(all.map((row) => [row.name, row]));
    chosen = inClasses(
      asked.rows.map((row) => known.get(row.name) ?? row),
      classesOf(call),
    );
  }
  const shown = isGiven(call, 'x') ? rows.expandedRows(parameters, chosen) : chosen;
  if (where.json) printJson(Object.fromEntries(shown.map((row) => [row.name, row.value])));
  else {
    const format = { valuesOnly: isGiven(call, 'h'), namesOnly: isGiven(call, 'H'), fold: isGiven(call, 'f') };
    process.stdout.write(rows.formatRows(shown, format));
  }
  return 0;
}

/** -o */
export function overridesOf(call: Call): Record<string, string> {
  return Object.fromEntries(
    valuesOf(call, 'o').map((text) => {
      const read = parseAssignment(text);
      if (typeof read === 'string')
        throw new Fatal(`invalid parameter override: ${text}: missing '=' after attribute name`);
      return [read.name, read.value];
    }),
  );
}

const CLASSES: Readonly<Record<string, readonly rows.ParameterClass[]>> = {
  builtin: ['builtin'],
  service: ['service'],
  user: ['user'],
  all: ['builtin', 'service', 'user'],
};

function classesOf(call: Call): ReadonlySet<rows.ParameterClass> | null {
  const given = valuesOf(call, 'C');
  if (given.length === 0) return null;
  const words = given.flatMap((text) => text.split(/[\s,]+/).filter((word) => word !== ''));
  for (const word of words)
    if (CLASSES[word] === undefined) throw new Fatal(`unknown -C option value "${word}" in "${given.join(',')}"`);
  return new Set(words.flatMap((word) => CLASSES[word] ?? []));
}

const inClasses = (
  list: readonly rows.PostconfRow[],
  classes: ReadonlySet<rows.ParameterClass> | null,
): readonly rows.PostconfRow[] =>
  classes === null ? list : list.filter(({ name }) => classes.has(rows.classOf(name)));
