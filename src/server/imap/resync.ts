/**
 * Quick resynchronization (RFC 7162 section 3.2): what vanished and what changed since a client's last session. UIDs
 * still in the session's list are skipped here; the session reports them later as VANISHED.
 */
import type { Scanner } from '../../protocol/imap/scanner.ts';
import {
  formatSet,
  inRanges,
  parseSequenceSet,
  type Ranges,
  resolveSet,
  type SequenceSet,
} from '../../protocol/imap/sequence-set.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { Session } from './session.ts';

/** Responses written before waiting for the client to read. */
const RESPONSES_AT_ONCE = 1000;

/** What the client already knows: the argument of SELECT (QRESYNC (…)). */
export interface Known {
  readonly uidValidity: number;
  readonly modseq: number;
  /** Null: all. */
  readonly uids: SequenceSet | null;
}

/**
 * After `QRESYNC `. The pairs of sequence numbers and UIDs are parsed and ignored, because the store has a complete
 * record of what vanished.
 */
export function parseKnown(scanner: Scanner): Known {
  scanner.expect('(');
  const uidValidity = scanner.number();
  scanner.space();
  const modseq = scanner.number(Number.MAX_SAFE_INTEGER);
  let uids: SequenceSet | null = null;
  if (scanner.accept(' ')) {
    if (!scanner.sees('(')) uids = parseSequenceSet(scanner);
    if (scanner.accept(uids === null ? '(' : ' (')) {
      parseSequenceSet(scanner);
      scanner.space();
      parseSequenceSet(scanner);
      scanner.expect(')');
    }
  }
  scanner.expect(')');
  return { uidValidity, modseq, uids };
}

export function vanishedEarlier(mailbox: SelectedMailbox, vanished: readonly number[], within: Ranges): string {
  const set = formatSet(vanished.filter((uid) => inRanges(within, uid) && mailbox.uids.indexOf(uid) < 0));
  return set === '' ? '' : `* VANISHED (EARLIER) ${set}\r\n`;
}

/** UID ranges of a set that may include expunged messages. */
export const earlierRanges = (mailbox: SelectedMailbox, set: SequenceSet | null): Ranges =>
  resolveSet(set ?? [[1, mailbox.opened.uidNext]], Math.max(mailbox.uids.last, mailbox.opened.uidNext - 1));

/** Reports the changes since then; none if the client's UIDVALIDITY is outdated. */
export async function resync(session: Session, mailbox: SelectedMailbox, known: Known): Promise<void> {
  if (known.uidValidity !== mailbox.opened.uidValidity) return;
  const { changed, vanished } = await session.services.store.mailboxes.changes(mailbox.id, known.modseq);
  const ranges = earlierRanges(mailbox, known.uids);
  session.write(vanishedEarlier(mailbox, vanished, ranges));
  for (const [index, state] of changed.entries()) {
    if (inRanges(ranges, state.uid)) session.write(mailbox.stateResponse(state, { uid: true, modseq: true }));
    if (index % RESPONSES_AT_ONCE === RESPONSES_AT_ONCE - 1) await session.connection.drained();
  }
}
