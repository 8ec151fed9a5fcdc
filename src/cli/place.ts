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

/** `-c` is what Postfix's own commands call it. */
export function withPlace(command: Command): Command {
  return command
    .option(
      '-c, --config <dir>',
      'the configuration folder, with main.cf and the other configuration files',
      process.env['POSTHORN_CONFIG'] ?? ownConfig(),
    )
    .option(
      '--data <dir>',
      'the data folder, where accounts, mail and logs are kept',
      process.env['POSTHORN_DATA'] ?? OWN_DATA,
    )
    .option('--json', 'print JSON', false);
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
const MAKING: ReadonlySet<string> = new Set(['user.add', 'alias.set', 'domain.add', 'store.import.wildduck']);

/**
 * Runs an operation through the running server, or on the store itself if none is running. Rejects with OperationError
 * if it is refused, with ConfigurationError if the store's configuration is invalid. `progress` hears of long work on
 * the store itself.
 */
export async function operate(
  where: PlaceOptions,
  name: string,
  given: Arguments,
  progress: AdminServices['progress'] = () => {},
): Promise<unknown> {
  try {
    return await callServer(where.data, name, given);
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
