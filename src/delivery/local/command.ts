/** Delivery to a command of an alias or forwarding file (local(8), EXTERNAL COMMAND DELIVERY). */
import { existsSync } from 'node:fs';
import { filtered } from '../../lookup/expansion-filter.ts';
import { fillIn } from '../../lookup/transports.ts';
import { unquoted } from '../../mail/address.ts';
import type { LocalTarget } from '../../mail/local-target.ts';
import type { Reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { replyTo } from '../program/exit-status.ts';
import { runCommand } from '../program/run-command.ts';
import { commandLine } from './command-line.ts';
import { type RecipientValues, recipientValues } from './recipient-values.ts';
import type { Rights } from './rights.ts';
import type { LocalSettings } from './settings.ts';

export async function deliverToCommand(
  { text }: LocalTarget,
  item: QueueItem,
  { user, person }: Rights,
  input: AsyncIterable<Buffer>,
  settings: LocalSettings,
  signal: AbortSignal,
): Promise<Reply> {
  const values = recipientValues(item, person, settings.delimiters);
  const argv = commandLine(text, settings.shell);
  const end = await runCommand({
    argv,
    user,
    directory: directoryOf(values, settings),
    environment: { ...environmentOf(item, values, settings), ...settings.environment },
    umask: 0o077,
    timeLimit: settings.timeLimit,
    input,
    signal,
  });
  return replyTo(end, {
    command: text,
    delivered: () => `delivered to command: ${text}`,
    notStarted: `local: fatal: execvp ${argv[0]}`,
  });
}

/** command_execution_directory, else that of the queue if there is one here. */
function directoryOf(values: RecipientValues, { directory, queueDirectory, filters }: LocalSettings): string {
  if (directory === '') return existsSync(queueDirectory) ? queueDirectory : '/';
  const named: Readonly<Record<string, string>> = { ...values, recipient_delimiter: values.delimiter };
  return fillIn(directory, (name) => filtered(named[name] ?? '', filters.directory));
}

/** Names without a value are left out, as in Postfix. */
function environmentOf(
  { original, reversePath }: QueueItem,
  values: RecipientValues,
  { filters }: LocalSettings,
): Record<string, string> {
  const named = {
    SHELL: values.shell,
    HOME: values.home,
    USER: values.user,
    LOGNAME: values.user,
    EXTENSION: values.extension,
    DOMAIN: values.domain,
    LOCAL: values.local,
    RECIPIENT: values.recipient,
    ORIGINAL_RECIPIENT: unquoted(original),
  };
  const set = Object.entries(named).filter(([, value]) => value !== '');
  return Object.fromEntries(
    [...set, ['SENDER', unquoted(reversePath)] as const].map(([name, value]) => [
      name,
      filtered(value, filters.environment),
    ]),
  );
}
