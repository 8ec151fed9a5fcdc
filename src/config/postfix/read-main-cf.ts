/**
 * main.cf as written, with the defaults of this machine.
 *
 * A start, and every command that acts, read it through `loadConfiguration` with all its errors. `postconf` reads it
 * from here: like Postfix's it shows what the file contains, whether or not a server would start with it.
 */
import { join, resolve } from 'node:path';
import { splitTexts } from '../../lookup/split-list.ts';
import type { Fault } from '../fault.ts';
import { findFolder, readText } from '../folder.ts';
import { PathResolver } from '../paths.ts';
import { readOwnOrShipped } from '../read-files.ts';
import { type CheckedSetting, checkParameters, type ParameterCheck } from './check-parameters.ts';
import { computedDefaults } from './computed-defaults.ts';
import { MacroError } from './macro.ts';
import { type MainCf, parseMainCf, type Setting } from './main-cf.ts';
import { type MasterRow, parseMasterCf } from './master-cf.ts';
import type { Interface } from './own-networks.ts';
import { isRaw, type Row } from './parameters/row.ts';
import { parameterRow } from './parameters.ts';
import { MainParameters, type ParameterSources } from './parameters-reader.ts';
import { serverRows } from './services.ts';
import { transportRows } from './transports.ts';
import { cutRemarks, remarkFault } from './values.ts';

export interface LoadOptions {
  readonly directory: string;
  /** Where absolute paths begin. */
  readonly root?: string | undefined;
  /** Values that take precedence over main.cf's. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** The machine's name, the default of `myhostname`. */
  readonly hostname: string;
  /** The machine's addresses, for the default of `mynetworks`. */
  readonly interfaces: readonly Interface[];
}

export interface MainCfRead {
  /** Settings as written. */
  readonly main: MainCf;
  /** Settings without trailing comments: these are checked. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly remarks: readonly Fault[];
  /** Sources of values besides the file. */
  readonly sources: Omit<ParameterSources, 'settings'>;
}

/** Throws if the file cannot be read. */
export function readMainCf(directory: string, paths: PathResolver, options: LoadOptions): MainCfRead {
  const file = join(directory, 'main.cf');
  const main = parseMainCf(readText(file) ?? '', file);
  return {
    main,
    ...withoutRemarks(main.settings),
    sources: {
      overrides: new Map(Object.entries(options.overrides ?? {})),
      computed: computedDefaults({ ...options, directory, paths }),
      // Errors in a file named by a list are reported when the list is checked.
      readFile: (path) => {
        try {
          return readText(paths.resolve(path)) ?? '';
        } catch {
          return '';
        }
      },
    },
  };
}

/** A trailing comment is reported once, not again in every value that refers to this one. */
function withoutRemarks(written: ReadonlyMap<string, Setting>): {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly remarks: Fault[];
} {
  const faults: Fault[] = [];
  const classes = new Set(splitTexts(written.get('smtpd_restriction_classes')?.value ?? ''));
  const rowOf = (name: string): Row | undefined =>
    parameterRow(name) ?? (classes.has(name) ? parameterRow('smtpd_client_restrictions') : undefined);
  const settings = [...written].map(([name, setting]): [string, Setting] => {
    const row = rowOf(name);
    if (row === undefined || !setting.value.includes('#')) return [name, setting];
    const { value, remarks } = cutRemarks(row, setting.value, setting.lineOf);
    for (const { offset, text } of remarks)
      faults.push({ file: setting.file, line: setting.lineOf(offset), parameter: name, message: remarkFault(text) });
    return [name, { ...setting, value }];
  });
  return { settings: new Map(settings), remarks: faults };
}

/** Checks every value: main.cf's, the `-o` values of smtpd's services, and overrides from the start command. */
export function checkValues(
  settings: ReadonlyMap<string, Setting>,
  rows: readonly MasterRow[],
  reader: MainParameters,
  overrides: ReadonlyMap<string, string>,
): ParameterCheck {
  const main = [...settings.values()].map((setting) => ({ ...setting, reader }));
  const all = [
    ...main,
    ...overrideSettings([...serverRows(rows), ...transportRows(rows)], reader),
    ...startSettings(overrides, reader),
  ];
  return checkParameters(all, new Set(rows.map(({ service }) => service)));
}

/** The `-o` values of the services, each expanded with the others of its service. */
function overrideSettings(rows: readonly MasterRow[], main: MainParameters): CheckedSetting[] {
  return rows.flatMap((row) => {
    const reader = main.withOverrides(row.overrides.map(({ name, value }) => [name, value] as const));
    return row.overrides.map(({ name, value, line }) => ({ name, value, file: row.file, lineOf: () => line, reader }));
  });
}

/** Values given on the start command line. */
function startSettings(overrides: ReadonlyMap<string, string>, reader: MainParameters): CheckedSetting[] {
  return [...overrides].map(([name, value]) => ({ name, value, file: 'given at start', lineOf: () => 0, reader }));
}

export interface MainCfShown {
  /** As written, even if a value is invalid. */
  readonly parameters: MainParameters;
  /** Names that main.cf sets. */
  readonly names: readonly string[];
  /** Unreadable lines: nothing can be shown. Fatal in Postfix's postconf(1) too. */
  readonly unreadable: readonly Fault[];
  /** What a start would reject or warn about. */
  readonly doubtful: readonly Fault[];
}

/** main.cf for `postconf`. Throws if the file cannot be read at all. */
export function showMainCf(options: LoadOptions): MainCfShown {
  const { directory } = findFolder(resolve(options.directory));
  const { main, settings, remarks, sources } = readMainCf(directory, new PathResolver(directory), options);
  const reader = new MainParameters({ ...sources, settings });
  const macros = [...settings.values()].flatMap((setting) => {
    const message = isRaw(parameterRow(setting.name)?.type) ? undefined : macroProblem(reader, setting.value);
    return message === undefined ? [] : [{ file: setting.file, line: setting.line, parameter: setting.name, message }];
  });
  const unreadable = [...main.faults.filter(({ unreadable: fatal }) => fatal), ...macros];
  // Its services have parameters of their own, and use names defined in main.cf.
  const master = readOwnOrShipped(directory, 'master.cf', parseMasterCf);
  const checked = checkValues(settings, master.rows, reader, sources.overrides);
  return {
    parameters: new MainParameters({ ...sources, settings: main.settings }),
    names: [...main.settings.keys()],
    unreadable,
    doubtful:
      unreadable.length > 0
        ? []
        : [...main.faults, ...remarks, ...master.faults, ...checked.faults, ...main.warnings, ...checked.warnings],
  };
}

function macroProblem(reader: MainParameters, value: string): string | undefined {
  try {
    reader.expand(value);
    return undefined;
  } catch (error) {
    if (error instanceof MacroError) return error.message;
    throw error;
  }
}
