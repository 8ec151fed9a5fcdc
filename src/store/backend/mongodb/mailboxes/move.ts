/**
 * The second half of a MOVE: the originals are expunged. Those that somebody else has expunged or moved meanwhile were
 * not moved: their copies go, so that of two sessions that move a message at the same time one has moved it.
 *
 * Which originals it expunged is in the source's journal until the intent has ended: after a crash another process reads
 * it there, and does not take them for messages that somebody else has expunged.
 */
import { MailboxError } from '../../../mailboxes.ts';
import { parseUids } from '../../ranges.ts';
import type { Context } from '../context.ts';
import type { CopyIntent, MailboxDocument } from '../database/documents.ts';
import type { Part } from './targets.ts';

/** [UID in the source, UID in the target] */
export type Pair = readonly [number, number];

export interface Moved {
  readonly pairs: readonly Pair[];
  /** Of the source; 0 where it is gone. */
  readonly modseq: number;
}

export async function expungeMoved(
  context: Context,
  { _id, expunge, target }: CopyIntent,
  copied: readonly Pair[],
  part: Part,
): Promise<Moved> {
  const found = await expungeOriginals(context, _id, expunge?.mailbox ?? '', copied, part);
  // The mailbox is gone, and they with it.
  if (found === null) return { pairs: copied, modseq: 0 };
  const moved = new Set(found.uids);
  const lost = copied.filter(([uid]) => !moved.has(uid)).map(([, copy]) => copy);
  if (lost.length > 0) await expungeCopies(context, target, lost);
  return { pairs: copied.filter(([uid]) => moved.has(uid)), modseq: found.modseq };
}

/** Null if there is no such mailbox. */
async function expungeOriginals(
  context: Context,
  intent: string,
  mailbox: string,
  copied: readonly Pair[],
  part: Part,
): Promise<{ readonly uids: readonly number[]; readonly modseq: number } | null> {
  const uids = copied.map(([uid]): Pair => [uid, uid]);
  try {
    const { result, applied } = await context.mailboxes.change(mailbox, {
      needs: uids,
      ...part,
      act(state) {
        const before = expungedBy(state.document, intent);
        if (before !== null) return { uids: before, modseq: state.modseq };
        // Also if there is nothing to expunge: that is only sure if nobody has changed the mailbox.
        const rows = state.among(uids);
        state.expunge(rows, { of: intent });
        return { uids: rows.map(({ uid }) => uid), modseq: state.modseq };
      },
    });
    await applied;
    return result;
  } catch (error) {
    if (error instanceof MailboxError) return null;
    throw error;
  }
}

function expungedBy({ journal }: MailboxDocument, intent: string): readonly number[] | null {
  for (const operation of journal)
    if (operation.kind === 'expunge' && operation.of === intent) return parseUids(operation.uids);
  return null;
}

async function expungeCopies(context: Context, mailbox: string, copies: readonly number[]): Promise<void> {
  const uids = copies.map((uid): Pair => [uid, uid]);
  try {
    const { applied } = await context.mailboxes.change(mailbox, {
      needs: uids,
      act(state) {
        const rows = state.among(uids);
        if (rows.length > 0) state.expunge(rows);
      },
    });
    await applied;
  } catch (error) {
    // They went with their mailbox.
    if (!(error instanceof MailboxError)) throw error;
  }
}
