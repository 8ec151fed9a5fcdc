/** STORE: flags of many rows change under one MODSEQ; unchanged rows keep theirs (RFC 7162 section 3.1). */

import { MASKS, WORDS } from '../../flag-changes.ts';
import { DELETED, emptyStates, pushState, SEEN } from '../../flags.ts';
import type { WriterCalls } from '../calls.ts';
import { canonicalKeywords } from './keywords.ts';
import { accountOf, selectRows } from './rows.ts';
import type { Writing } from './writing.ts';

type Args = WriterCalls['store']['args'];

export function store(w: Writing, a: Args): WriterCalls['store']['result'] {
  const { account, modseq: before } = accountOf(w, a.mailbox);
  const modseq = before + 1;
  // Keywords to remove need not be added to the mailbox; they are compared case-insensitively.
  const keywords =
    a.op === 'remove' ? a.keywords.map((word) => word.toLowerCase()) : canonicalKeywords(w, a.mailbox, a.keywords);
  const changed = emptyStates();
  const conflicts: number[] = [];
  let unseen = 0;
  let deleted = 0;
  for (const [uid, rowModseq, mask, words] of selectRows(w, a.mailbox, a.uids)) {
    if (a.unchangedSince !== null && rowModseq > a.unchangedSince) {
      conflicts.push(uid);
      continue;
    }
    const nextMask = MASKS[a.op](mask, a.mask);
    const nextWords = WORDS[a.op](words, keywords);
    if (nextMask === mask && nextWords === words) continue;
    w.db.run(
      'UPDATE message SET flags = ?, keywords = ?, modseq = ? WHERE mailbox = ? AND uid = ?',
      nextMask,
      nextWords,
      modseq,
      a.mailbox,
      uid,
    );
    unseen += bit(mask, SEEN) - bit(nextMask, SEEN);
    deleted += bit(nextMask, DELETED) - bit(mask, DELETED);
    pushState(changed, uid, modseq, nextMask, nextWords);
  }
  if (changed.uids.length > 0) {
    w.db.run(
      'UPDATE mailbox SET modseq = ?, unseen = unseen + ?, deleted = deleted + ? WHERE id = ?',
      modseq,
      unseen,
      deleted,
      a.mailbox,
    );
    w.tell({ kind: 'flags', account, mailbox: a.mailbox, states: changed });
  }
  return { changed, conflicts };
}

const bit = (mask: number, flag: number): number => ((mask & flag) === 0 ? 0 : 1);
