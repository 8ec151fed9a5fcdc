/** Rows of a mailbox as they were in another store: put, made equal, removed (store/transfer.ts). */
import { DELETED, emptyStates, pushState, SEEN } from '../../flags.ts';
import type { PutMessage, WriterCalls } from '../calls.ts';
import { insertRow } from './append.ts';
import { refer } from './content-references.ts';
import { deleteRows, rememberExpunged } from './expunge.ts';
import { canonicalKeywords } from './keywords.ts';
import { accountOf, selectRows } from './rows.ts';
import type { Writing } from './writing.ts';

interface Present {
  readonly modseq: number;
  readonly flags: number;
  readonly keywords: string;
}

export function putMessages(w: Writing, { mailbox, messages }: WriterCalls['putMessages']['args']): null {
  const { account } = accountOf(w, mailbox);
  const spelling = new Map<string, string>();
  const added = emptyStates();
  const changed = emptyStates();
  const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
  const contents: number[] = [];
  for (const message of messages) {
    const { uid, modseq, mask } = message;
    const keywords = spelled(w, mailbox, message.keywords, spelling);
    const present = w.db.get<Present>(
      'SELECT modseq, flags, keywords FROM message WHERE mailbox = ? AND uid = ?',
      mailbox,
      uid,
    );
    if (present === undefined) {
      const { internalDate, size, sentAt, content, prefix } = message;
      const row = { mask, keywords, internalDate, size, sentAt, content, prefix };
      insertRow(w, mailbox, message, row);
      count(counts, message, 1);
      contents.push(content);
      pushState(added, uid, modseq, mask, keywords);
    } else if (present.modseq !== modseq || present.flags !== mask || present.keywords !== keywords) {
      w.db.run(
        'UPDATE message SET flags = ?, keywords = ?, modseq = ? WHERE mailbox = ? AND uid = ?',
        mask,
        keywords,
        modseq,
        mailbox,
        uid,
      );
      count(counts, { mask: present.flags, size: message.size }, -1);
      count(counts, message, 1);
      pushState(changed, uid, modseq, mask, keywords);
    }
  }
  refer(w, contents);
  w.db.run(
    'UPDATE mailbox SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, size = size + ? WHERE id = ?',
    counts.messages,
    counts.unseen,
    counts.deleted,
    counts.size,
    mailbox,
  );
  if (added.uids.length > 0) w.tell({ kind: 'append', account, mailbox, states: added });
  if (changed.uids.length > 0) w.tell({ kind: 'flags', account, mailbox, states: changed });
  return null;
}

/** Rows that are gone already stay so; the expunge is recorded for all. */
export function removeMessages(w: Writing, a: WriterCalls['removeMessages']['args']): null {
  const { account } = accountOf(w, a.mailbox);
  const uids = [...a.uids].sort((x, y) => x - y);
  if (uids.length === 0) return null;
  const rows = selectRows(
    w,
    a.mailbox,
    uids.map((uid) => [uid, uid]),
  );
  // The mailbox's own MODSEQ is putMailbox's.
  deleteRows(w, a.mailbox, rows, { modseq: 0, release: true });
  rememberExpunged(w, a.mailbox, a.modseq, uids);
  w.tell({ kind: 'expunge', account, mailbox: a.mailbox, uids, modseq: a.modseq });
  return null;
}

function spelled(w: Writing, mailbox: number, words: readonly string[], known: Map<string, string>): string {
  if (words.length === 0) return '';
  const given = words.join(' ');
  const keywords = known.get(given) ?? canonicalKeywords(w, mailbox, words).join(' ');
  known.set(given, keywords);
  return keywords;
}

function count(
  counts: { messages: number; unseen: number; deleted: number; size: number },
  { mask, size }: Pick<PutMessage, 'mask' | 'size'>,
  by: 1 | -1,
): void {
  counts.messages += by;
  counts.size += by * size;
  if ((mask & SEEN) === 0) counts.unseen += by;
  if ((mask & DELETED) !== 0) counts.deleted += by;
}
