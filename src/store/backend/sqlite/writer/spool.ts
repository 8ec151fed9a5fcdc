/** Long messages arrive in chunks before their acceptance; a spool is a content with the reference count -1. */
import { CHUNK_IDS, MAX_CONTENT } from '../chunks.ts';
import type { Writing } from './writing.ts';

/** Returns the id of the spool, which becomes that of the content. */
export function writeSpool(
  w: Writing,
  a: { readonly spool: number; readonly sequence: number; readonly bytes: Uint8Array },
): number {
  if (a.sequence >= CHUNK_IDS) throw new Error(`a message has at most ${MAX_CONTENT} octets`);
  const spool = a.spool === 0 ? beginSpool(w) : a.spool;
  // The machine's clock, like the sweep's, not the caller's. Each chunk renews it: a spool still being written is not
  // swept, however slow the sender is.
  if (w.db.run('UPDATE content SET arrived_at = ? WHERE id = ? AND refs = -1', Date.now(), spool) === 0)
    throw new Error(`spool ${spool} was swept`);
  w.db.run('INSERT INTO chunk VALUES (?, ?)', spool * CHUNK_IDS + a.sequence, a.bytes);
  return spool;
}

export function discardSpool(w: Writing, a: { readonly spool: number }): null {
  w.db.run('UPDATE content SET refs = 0 WHERE id = ? AND refs = -1', a.spool);
  return null;
}

function beginSpool(w: Writing): number {
  return w.db.insert(
    `INSERT INTO content (refs, size, arrived_at, local, reverse_path, ret, envid, smtputf8, body, message_id, appended, envelope, body_structure, search, root)
     VALUES (-1, 0, 0, 0, '', '', '', 0, '', '', '[]', '', '', '', '')`,
  );
}
