/**
 * Limits of mailboxes beside the limit of a message. A mailbox here is as a maildir, where mailbox_size_limit is about
 * one message (postconf(5)): a larger one was refused already, so all that is left to check is what Postfix's local(8)
 * and virtual(8) check before they deliver anything.
 */
import type { Fault } from '../fault.ts';
import type { Setting } from './main-cf.ts';
import type { MainParameters } from './parameters-reader.ts';

const LIMITS = ['mailbox_size_limit', 'virtual_mailbox_limit'] as const;

export function limitFaults(parameters: MainParameters, settings: ReadonlyMap<string, Setting>): Fault[] {
  const message = parameters.number('message_size_limit');
  return LIMITS.flatMap((parameter) => {
    const setting = settings.get(parameter);
    const limit = parameters.number(parameter);
    if (setting === undefined || limit === 0 || (message > 0 && message <= limit)) return [];
    const other = message === 0 ? 'message_size_limit sets none' : `message_size_limit is ${message}`;
    return [
      {
        file: setting.file,
        line: setting.line,
        parameter,
        message: `${limit} octets, and ${other}: a mailbox must take every message; set it to 0 for no limit`,
      },
    ];
  });
}
