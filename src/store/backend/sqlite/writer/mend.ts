/** Mends what follows from other data (store/check.ts). */
import type { WriterCalls } from '../calls.ts';
import { CHUNK_IDS } from '../chunks.ts';
import { CHECKS } from '../inspections.ts';
import type { Writing } from './writing.ts';

export function mend(w: Writing, { check }: { readonly check: number }): null {
  for (const sql of CHECKS[check]?.mend ?? []) w.db.run(sql);
  return null;
}

export function recount(w: Writing, { mailbox }: { readonly mailbox: number }): null {
  w.db.run(
    `UPDATE mailbox SET messages = r.messages, unseen = r.unseen, deleted = r.deleted, size = r.size,
       uid_next = max(uid_next, r.uid + 1), modseq = max(mailbox.modseq, r.modseq)
     FROM (SELECT count(*) AS messages, coalesce(sum(flags & 8 = 0), 0) AS unseen, coalesce(sum(flags & 4 <> 0), 0) AS deleted,
       coalesce(sum(size), 0) AS size, coalesce(max(uid), 0) AS uid, coalesce(max(modseq), 0) AS modseq
       FROM message WHERE mailbox = ?) r WHERE id = ?`,
    mailbox,
    mailbox,
  );
  return null;
}

export function putIndex(w: Writing, { content, index }: WriterCalls['putIndex']['args']): boolean {
  const before = w.db.get<{ date: number | null }>(
    `SELECT sent_at AS date FROM content WHERE id = ? AND size =
       (SELECT coalesce(sum(octet_length(bytes)), 0) FROM chunk WHERE chunk.id BETWEEN ? AND ?)`,
    content,
    content * CHUNK_IDS,
    content * CHUNK_IDS + CHUNK_IDS - 1,
  );
  if (before === undefined) return false;
  w.db.run(
    'UPDATE content SET sent_at = ?, message_id = ?, envelope = ?, body_structure = ?, search = ?, root = ? WHERE id = ?',
    index.sentAt,
    index.messageId,
    index.envelope,
    index.bodyStructure,
    index.search,
    index.root,
    content,
  );
  // There is no index by content: all rows are looked through.
  if (before.date !== index.sentAt) w.db.run('UPDATE message SET sent_at = ? WHERE content = ?', index.sentAt, content);
  return true;
}
