/** EXPUNGE (RFC 9051 section 6.4.3) and UID EXPUNGE (RFC 4315). */
import { parseSequenceSet } from '../../../protocol/imap/sequence-set.ts';
import type { UidRanges } from '../../../store/mailboxes.ts';
import type { Command } from '../command.ts';
import { bare } from '../command.ts';
import { type Completion, no, ok } from '../completion.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

async function run(session: Session, { mailbox, account }: Selected, uids?: UidRanges): Promise<Completion> {
  if (mailbox.readOnly) return no('Mailbox is read-only.', 'READ-ONLY');
  const gone = await session.services.store.mailboxes.expunge(mailbox.id, uids);
  mailbox.noteExpunged(gone.uids);
  session.services.events.deleted(account, mailbox.opened, gone.uids);
  // A client that resynchronizes by MODSEQ needs the value that covers these expunges (RFC 7162 section 3.2.7).
  return ok('Expunge completed.', session.qresync && gone.uids.length > 0 ? `HIGHESTMODSEQ ${gone.modseq}` : '');
}

export const expunge = bare<Selected>((session, state) => run(session, state));

export const uidExpunge: Command<Selected> = (scanner) => {
  scanner.space();
  const set = parseSequenceSet(scanner);
  scanner.end();
  return (session, state) => run(session, state, state.mailbox.resolve(set, 'uid'));
};
