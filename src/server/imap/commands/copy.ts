/** COPY (RFC 9051 section 6.4.7), MOVE (RFC 6851) and their UID forms, with COPYUID (RFC 4315). */
import type { Mailbox } from '../../../mail/mailbox.ts';
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import { formatSet, parseSequenceSet, type Ranges } from '../../../protocol/imap/sequence-set.ts';
import { type Copied, MailboxError } from '../../../store/mailboxes.ts';
import type { Command } from '../command.ts';
import { type Completion, no, noMailbox, ok } from '../completion.ts';
import type { Naming, SelectedMailbox } from '../selected-mailbox.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

const copyUid = ({ uidValidity, pairs }: Copied): string =>
  `COPYUID ${uidValidity} ${formatSet(pairs.map(([from]) => from))} ${formatSet(pairs.map(([, to]) => to))}`;

const targets = ({ pairs }: Copied): number[] => pairs.map(([, uid]) => uid);

const lastTarget = ({ pairs }: Copied): number => pairs.reduce((last, [, uid]) => Math.max(last, uid), 0);

const EXPUNGED = no('Some of the requested messages no longer exist.', 'EXPUNGEISSUED');

/** The response if nothing was copied: messages expunged elsewhere, or no such messages. */
const nothingCopied = (mailbox: SelectedMailbox, uids: Ranges, what: string): Completion =>
  mailbox.uids.count(uids) > 0 ? EXPUNGED : ok(`No messages ${what}.`);

async function runMove(
  session: Session,
  { mailbox, account }: Selected,
  uids: Ranges,
  target: Mailbox,
): Promise<Completion> {
  if (mailbox.readOnly) return no('Mailbox is read-only.', 'READ-ONLY');
  const moved = await session.services.store.mailboxes.move(mailbox.id, uids, target.id);
  if (moved.pairs.length === 0) return nothingCopied(mailbox, uids, 'moved');
  session.write(`* OK [${copyUid(moved)}] Moved UIDs.\r\n`);
  mailbox.noteExpunged(moved.pairs.map(([uid]) => uid));
  session.services.events.moved('message_moved', account, mailbox.opened, target, targets(moved));
  if (target.id === mailbox.id) await mailbox.catchUp(session.services.store.mailboxes, lastTarget(moved));
  return ok('Move completed.', session.qresync ? `HIGHESTMODSEQ ${moved.modseq}` : '');
}

export const copy =
  (naming: Naming, options: { readonly move: boolean }): Command<Selected> =>
  (scanner) => {
    scanner.space();
    const set = parseSequenceSet(scanner);
    scanner.space();
    const name = parseMailbox(scanner);
    scanner.end();
    return async (session, state) => {
      const { mailboxes } = session.services.store;
      const { mailbox } = state;
      const uids = mailbox.resolve(set, naming);
      const target = await mailboxes.find(state.account.id, name);
      if (target === null) return noMailbox(name, 'TRYCREATE');
      try {
        if (options.move) return await runMove(session, state, uids, target);
        const copied = await mailboxes.copy(mailbox.id, uids, target.id);
        if (copied.pairs.length === 0) return nothingCopied(mailbox, uids, 'copied');
        session.services.events.moved('message_copied', state.account, mailbox.opened, target, targets(copied));
        if (target.id === mailbox.id) await mailbox.catchUp(mailboxes, lastTarget(copied));
        return ok('Copy completed.', copyUid(copied));
      } catch (error) {
        if (error instanceof MailboxError && error.reason === 'nonexistent') return noMailbox(name, 'TRYCREATE');
        throw error;
      }
    };
  };
