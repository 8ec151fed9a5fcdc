/** COPY and MOVE (RFC 9051 sections 6.4.7 and 6.4.8): new rows for the same content, in one transaction. */
import { MailboxError, type UidRanges } from '../../../mailboxes.ts';
import { emptyStates, pushState } from '../../flags.ts';
import type { CopyResult } from '../calls.ts';
import { insertRow, type NewRow, nextPlace, usedOctets } from './append.ts';
import { changeReferences } from './content-references.ts';
import { expungeRows } from './expunge.ts';
import { canonicalKeywords } from './keywords.ts';
import { accountOf, type Row, selectRows } from './rows.ts';
import type { Writing } from './writing.ts';

interface Target {
  readonly account: number;
  readonly quota: number;
  readonly uid_validity: number;
}

export function copy(
  w: Writing,
  a: { readonly mailbox: number; readonly uids: UidRanges; readonly target: number; readonly move: boolean },
): CopyResult {
  const source = accountOf(w, a.mailbox);
  const target = w.db.get<Target>(
    'SELECT m.account, m.uid_validity, a.quota FROM mailbox m JOIN account a ON a.id = m.account WHERE m.id = ?',
    a.target,
  );
  if (target === undefined) throw new MailboxError('nonexistent', 'the target mailbox does not exist');
  const rows = selectRows(w, a.mailbox, a.uids);
  if (rows.length === 0) return { uidValidity: target.uid_validity, pairs: [], modseq: source.modseq };
  // A move within the account needs no additional space.
  if (target.quota > 0 && !(a.move && source.account === target.account)) {
    const more = rows.reduce((sum, [, , , , size]) => sum + size, 0);
    if (usedOctets(w, target.account) + more > target.quota)
      throw new MailboxError('overquota', 'the account has reached its quota');
  }
  const pairs = copyRows(w, a.mailbox, rows, target.account, a.target);
  if (!a.move) {
    changeReferences(
      w,
      rows.map(([, , , , , content]) => content),
      1,
    );
    return { uidValidity: target.uid_validity, pairs, modseq: source.modseq };
  }
  // Read again: a move within one mailbox has raised the MODSEQ in the meantime.
  const { modseq } = expungeRows(w, source.account, a.mailbox, accountOf(w, a.mailbox).modseq, rows, false);
  return { uidValidity: target.uid_validity, pairs, modseq };
}

/** All messages of a mailbox (RENAME of INBOX). */
export function moveAll(w: Writing, mailbox: number, target: number): void {
  copy(w, { mailbox, uids: [[1, 0xffff_ffff]], target, move: true });
}

function copyRows(
  w: Writing,
  mailbox: number,
  rows: readonly Row[],
  account: number,
  target: number,
): [number, number][] {
  const spelled = new Map<string, string>();
  const copies: { readonly from: number; readonly row: NewRow }[] = [];
  for (const [uid, , mask, words, size, content] of rows) {
    const more = w.db.get<{ internalDate: number; sentAt: number | null; prefix: string }>(
      'SELECT internal_date AS internalDate, sent_at AS sentAt, prefix FROM message WHERE mailbox = ? AND uid = ?',
      mailbox,
      uid,
    );
    if (more === undefined) continue;
    let keywords = spelled.get(words);
    if (keywords === undefined) {
      keywords = words === '' ? '' : canonicalKeywords(w, target, words.split(' ')).join(' ');
      spelled.set(words, keywords);
    }
    copies.push({ from: uid, row: { ...more, mask, keywords, size, content } });
  }
  const states = emptyStates();
  const pairs: [number, number][] = [];
  const first = nextPlace(
    w,
    target,
    copies.map(({ row }) => row),
  );
  for (const [i, { from, row }] of copies.entries()) {
    const place = { ...first, uid: first.uid + i, modseq: first.modseq + i };
    insertRow(w, target, place, row);
    pushState(states, place.uid, place.modseq, row.mask, row.keywords);
    pairs.push([from, place.uid]);
  }
  w.tell({ kind: 'append', account, mailbox: target, states });
  return pairs;
}
