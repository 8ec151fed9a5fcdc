/** DELETE (RFC 9051 section 6.3.5). Inferiors are kept. */
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { no, noMailbox, ok } from '../completion.ts';
import type { Authenticated, Selected } from '../state.ts';

export const remove: Command<Authenticated | Selected> = (scanner) => {
  scanner.space();
  const name = parseMailbox(scanner);
  scanner.end();
  return async (session, { account }) => {
    if (name === 'INBOX') return no("INBOX can't be deleted.", 'CANNOT');
    const { mailboxes } = session.services.store;
    const mailbox = await mailboxes.find(account.id, name);
    if (mailbox === null) return noMailbox(name);
    await mailboxes.remove(account.id, name);
    if (session.state.kind === 'selected' && session.state.mailbox.id === mailbox.id) {
      session.deselect();
      session.write('* OK [CLOSED] The selected mailbox is gone.\r\n');
    }
    return ok('Delete completed.');
  };
};
