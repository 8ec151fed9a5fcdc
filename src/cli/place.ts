/** The configuration and data folders of a command, and how it reaches the store. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AdminServices, Arguments } from '../admin/operation.ts';
import { callServer, NoServerError } from '../admin/socket.ts';
import { shippedFolder } from '../config/folder.ts';
import { shellWord } from './output.ts';

/** The options that every command has. */
export interface PlaceOptions {
  readonly config: string;
  readonly data: string;
  readonly json: boolean;
}

/** Where nothing names a folder. */
const OWN_DATA = 'data';
const ownConfig = (): string => (existsSync('config/main.cf') ? 'config' : shippedFolder());

const defaultConfig = (): string => process.env['POSTHORN_CONFIG'] ?? ownConfig();
const defaultData = (): string => process.env['POSTHORN_DATA'] ?? OWN_DATA;

/** `-c` is what Postfix's own commands call it. */
export function withPlace(command: Command): Command {
  return command
    .option(
      '-c, --config <dir>',
      'the configuration folder, with main.cf and the other configuration files',
      defaultConfig(),
    )
    .option('--data <dir>', 'the data folder, where accounts, mail and logs are kept', defaultData())
    .option('--json', 'print JSON', false);
}

/**
 * The same for commands that read their other options as getopt(3) does: takes `--config DIR`, `--data DIR`, `--json`
 * and `--help` out of the words in front of `--`. `place` is given the folder that an option of the command's own names.
 */
export function takePlace(words: readonly string[]): {
  readonly rest: readonly string[];
  readonly help: boolean;
  place(folder?: string): PlaceOptions;
} {
  const taken = new Map<string, string>();
  const rest: string[] = [];
  const end = words.indexOf('--');
  const first = end < 0 ? words.length : end;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [, name = '', inline] = (at < first ? /^--(config|data|json|help)(?:=(.*))?$/s.exec(word) : null) ?? [];
    if (name === '') rest.push(word);
    else if (name === 'json' || name === 'help') taken.set(name, '');
    else {
      if (inline === undefined) at += 1;
      taken.set(name, inline ?? words[at] ?? '');
    }
  }
  return {
    rest,
    help: taken.has('help'),
    place: (folder) =>
      place({
        config: taken.get('config') ?? folder ?? defaultConfig(),
        data: taken.get('data') ?? defaultData(),
        json: taken.has('json'),
      }),
  };
}

export const place = (options: PlaceOptions): PlaceOptions => ({
  ...options,
  config: resolve(options.config),
  data: resolve(options.data),
});

/**
 * What must be added to a command typed in this folder so that it means the same configuration and data, each with a
 * space in front; '' where it finds them by itself. The environment does not count: another terminal has another one.
 */
export const placeWords = ({ config, data }: PlaceOptions): { readonly config: string; readonly data: string } => ({
  config: config === resolve(ownConfig()) ? '' : ` --config ${shellWord(config)}`,
  data: data === resolve(OWN_DATA) ? '' : ` --data ${shellWord(data)}`,
});

/** Operations that create a missing store; for all others a missing store most likely means that --data is wrong. */
const MAKING: ReadonlySet<string> = new Set([
  'user.add',
  'alias.set',
  'domain.add',
  'store.import.wildduck',
  'import.accounts',
]);

/**
 * Runs an operation through the running server, or on the store itself if none is running. Rejects with OperationError
 * if it is refused, with ConfigurationError if the store's configuration is invalid. `progress` hears of long work,
 * `direct` that no server is running and the store is open.
 */
export async function operate(
  where: PlaceOptions,
  name: string,
  given: Arguments,
  { progress = () => {}, direct = () => {} }: { progress?: AdminServices['progress']; direct?: () => void } = {},
): Promise<unknown> {
  try {
    return await callServer(where.data, name, given, { progress });
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
  }
  const { operations } = await import('../admin/operations.ts');
  const { openAdminServices } = await import('../app/admin-services.ts');
  const operation = operations.get(name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  const opened: { services: AdminServices; made: boolean; close(): Promise<void> } = await openAdminServices(
    where.config,
    where.data,
    {
      make: MAKING.has(name),
      progress,
    },
  );
  try {
    direct();
    const result = await operation(opened.services, given);
    // Most likely the first account; but perhaps --data was forgotten, and a running server has another store.
    if (opened.made)
      console.error(
        `Note: there was no mail in ${where.data} yet, so a new store was created; use --data for another folder`,
      );
    return result;
  } finally {
    await opened.close();
  }
}
