/**
 * mailbox_command_maps and mailbox_command (local(8)): a program that gets the mail of a user of this machine instead of
 * the mailbox. A queued item is asked anew at each attempt, so what is set later applies to it.
 */
import { lookUp, userKeys } from '../../lookup/address-keys.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { findUser } from '../../lookup/system-users.ts';
import type { Tables } from '../../lookup/table.ts';
import type { LocalTarget } from '../../mail/local-target.ts';
import { openTables } from './address-tables.ts';

/** Null: the mail goes to the mailbox. Rejects if a table cannot answer. */
export type MailboxCommand = (recipient: string) => Promise<LocalTarget | null>;

/** Null: there is none for anybody. */
export function readMailboxCommand(parameters: ParameterReader, tables: Tables): MailboxCommand | null {
  const maps = openTables(parameters.list('mailbox_command_maps'), tables);
  const otherwise = parameters.string('mailbox_command');
  const delimiters = delimitersOf(parameters);
  if (maps.length === 0 && otherwise === '') return null;
  return async (recipient) => {
    const keys = userKeys(recipient, delimiters).slice(-1);
    const user = findUser(keys[0]?.text ?? '');
    // An account that is no user of the machine has nobody's rights.
    if (user === null) return null;
    const text = (await lookUp(maps, keys))?.value ?? otherwise;
    return text === '' ? null : { kind: 'command', text, user: user.name, source: null };
  };
}

/** No next hop and no transport is called so, and it says nothing that would have to be kept. */
export const mailboxCommandDestination = (user: string | null): string => `Mailbox command ${user ?? ''}`;
