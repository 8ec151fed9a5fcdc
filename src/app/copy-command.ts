/** `posthorn store copy`: both stores, opened as their owner. */
import { requireConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import type { Log } from '../log.ts';
import { type CopyResult, copyStore } from '../maintenance/copy/copy.ts';
import { Tally } from '../maintenance/copy/tally.ts';
import { nameOfStore, openSource, openStore, prepareStore } from './open-store.ts';
import { choosePrivileges } from './privileges.ts';

export interface CopyCommand {
  readonly from: string;
  readonly to: string;
  readonly configDirectory: string;
  readonly thorough: boolean;
  readonly log: Log;
  /** Before the copy begins; the counts then grow. */
  readonly onStart: (tally: Tally) => void;
  readonly onStep: (step: string) => void;
}

export interface CopyReport extends CopyResult {
  /** The stores, each in the one form of its name. */
  readonly from: string;
  readonly to: string;
  /** A server had the source open. */
  readonly isServed: boolean;
}

/** Rejects with a user-readable message if a store cannot be opened, or is not one that may be copied to. */
export async function runCopy(command: CopyCommand): Promise<CopyReport> {
  const { log, thorough, onStart, onStep } = command;
  const [from, to] = [nameOfStore(command.from), nameOfStore(command.to)];
  if (from === to) throw new Error(`${from} cannot be copied to itself`);
  const { configuration } = await requireConfiguration({ directory: command.configDirectory, ...thisMachine() });
  // What a root command creates must belong to mail_owner, or the server could not open it.
  const privileges = choosePrivileges(configuration);
  await using scope = new AsyncDisposableStack();
  const { source, isServed, close } = await privileges.asOwner(() => openSource(command.from, { log }));
  scope.defer(close);
  prepareStore(command.to, privileges.give);
  privileges.drop();
  const target = await openStore(command.to, { log });
  scope.defer(() => target.close());
  const tally = new Tally();
  onStart(tally);
  const result = await copyStore({ source, isServed, target, of: from, thorough, tally, onStep });
  return { ...result, from, to, isServed };
}
