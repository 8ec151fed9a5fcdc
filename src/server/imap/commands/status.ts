/** STATUS (RFC 9051 section 6.3.11). */
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { noMailbox, ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';
import { parseStatusItems, statusResponse } from '../status-items.ts';

export const status: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const name = parseMailbox(scanner);
  scanner.space();
  const items = parseStatusItems(scanner);
  scanner.end();
  return async (session, { account }) => {
    const { mailboxes } = session.services.store;
    const mailbox = await mailboxes.find(account.id, name);
    if (mailbox === null) return noMailbox(name);
    if (items.includes('HIGHESTMODSEQ')) session.condstore = true;
    session.write(await statusResponse(mailboxes, mailbox, items));
    return ok('Status completed.');
  };
};
