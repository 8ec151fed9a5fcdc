/** RENAME (RFC 9051 section 6.3.6): inferiors are renamed too; renaming INBOX moves only its messages. */
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const rename: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const from = parseMailbox(scanner);
  scanner.space();
  const to = parseMailbox(scanner);
  scanner.end();
  return async (session, { account }) => {
    await session.services.store.mailboxes.rename(account.id, from, to);
    return ok('Rename completed.');
  };
};
