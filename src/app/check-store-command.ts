/** `posthorn store check`: the store of a data folder, opened as its owner; to be mended it must not be served. */
import { requireConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import type { Log } from '../log.ts';
import { checkStore } from '../maintenance/check/check.ts';
import type { CheckJob } from '../maintenance/check/job.ts';
import type { Inspection } from '../store/check.ts';
import { mailStoreOf, openSource, openStore } from './open-store.ts';
import { choosePrivileges } from './privileges.ts';

export interface CheckCommand {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  readonly repair: boolean;
  readonly log: Log;
  /** Before the check begins; the counts then grow. */
  readonly onStart: (tally: CheckJob['tally']) => void;
  readonly onStep: (step: string) => void;
}

/** Rejects with a user-readable message if the store cannot be opened. */
export async function runCheck(
  command: CheckCommand,
): Promise<{ readonly isServed: boolean; readonly inspections: readonly Inspection[] }> {
  const { log, repair, onStart, onStep } = command;
  const { configuration } = await requireConfiguration({ directory: command.configDirectory, ...thisMachine() });
  choosePrivileges(configuration).drop();
  const spec = mailStoreOf(configuration.parameters.string('mail_store'), command.dataDirectory);
  const tally = { done: 0, of: 0, octets: 0 };
  onStart(tally);
  // Opened first to be read: a store that is missing is not made.
  const opened = await openSource(spec, { log });
  if (!repair) {
    const { source, isServed, searchText } = opened;
    try {
      return { isServed, inspections: await checkStore({ source, repair: null, isServed, searchText, tally }, onStep) };
    } finally {
      await opened.close();
    }
  }
  await opened.close();
  const store = await openStore(spec, { log, repair: true });
  try {
    const searchText = (content: Parameters<typeof store.mailboxes.searchText>[0]) =>
      store.mailboxes.searchText(content);
    const job = { source: store, repair: store, isServed: false, searchText, tally };
    return { isServed: false, inspections: await checkStore(job, onStep) };
  } finally {
    await store.close();
  }
}
