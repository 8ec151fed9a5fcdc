/** STORE: flags of many rows change under one MODSEQ; unchanged rows keep theirs (RFC 7162 section 3.1). */
import type { Mailboxes, StoreFlags, UidRanges } from '../../../mailboxes.ts';
import { MASKS, WORDS } from '../../flag-changes.ts';
import type { FlagChange, MailboxState } from './mailbox-state.ts';

interface Args extends Omit<StoreFlags, 'flags'> {
  readonly uids: UidRanges;
  readonly mask: number;
  readonly keywords: readonly string[];
}

export function flagChanges(state: MailboxState, a: Args): Awaited<ReturnType<Mailboxes['store']>> {
  // Keywords to remove need not be added to the mailbox; they are compared case-insensitively.
  const keywords = a.op === 'remove' ? a.keywords.map((word) => word.toLowerCase()) : state.spell(a.keywords);
  const changes: FlagChange[] = [];
  const conflicts: number[] = [];
  for (const row of state.among(a.uids)) {
    if (a.unchangedSince !== undefined && row.modseq > a.unchangedSince) {
      conflicts.push(row.uid);
      continue;
    }
    const mask = MASKS[a.op](row.mask, a.mask);
    const words = WORDS[a.op](row.keywords, keywords);
    if (mask !== row.mask || words !== row.keywords) changes.push({ uid: row.uid, mask, keywords: words });
  }
  return { changed: changes.length === 0 ? [] : state.setFlags(changes), conflicts };
}
