/** Stores a content: its row and, of a short one, its chunks. A long one's chunks are those of its spool. */
import { CHUNK_SIZE } from '../../../content.ts';
import type { IndexColumns } from '../../index-columns.ts';
import type { ContentArgs } from '../calls.ts';
import { CHUNK_IDS, MAX_CONTENT } from '../chunks.ts';
import type { Writing } from './writing.ts';

/** What refers to it. */
export interface Uses {
  /** Rows and items, or one of references.ts. */
  readonly refs: number;
  /** It is in a mailbox: search text is wanted. */
  readonly local: boolean;
  /** JSON [[mailbox, uid, uidvalidity], ...]: the answer to a repeated acceptance. */
  readonly appended: string;
}

type Columns = ReturnType<typeof contentColumns>;

/** Returns its id. */
export function storeContent(w: Writing, a: ContentArgs, index: IndexColumns, uses: Uses): number {
  const columns = contentColumns(a, index, uses);
  return a.spool === 0 ? insertContent(w, a, columns) : nameSpool(w, a, columns);
}

function insertContent(w: Writing, a: ContentArgs, columns: Columns): number {
  const id = w.db.insert(
    `INSERT INTO content (queue_id, refs, size, arrived_at, local, reverse_path, ret, envid, smtputf8, body, sent_at, message_id, appended, envelope, body_structure, search, root)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...columns,
  );
  const bytes = a.bytes ?? new Uint8Array(0);
  if (bytes.length > MAX_CONTENT) throw new Error(`a message has at most ${MAX_CONTENT} octets`);
  for (let at = 0; at < bytes.length; at += CHUNK_SIZE) {
    w.db.run('INSERT INTO chunk VALUES (?, ?)', id * CHUNK_IDS + at / CHUNK_SIZE, bytes.subarray(at, at + CHUNK_SIZE));
  }
  return id;
}

function nameSpool(w: Writing, a: ContentArgs, columns: Columns): number {
  const named = w.db.run(
    `UPDATE content SET queue_id = ?, refs = ?, size = ?, arrived_at = ?, local = ?, reverse_path = ?, ret = ?, envid = ?, smtputf8 = ?, body = ?,
     sent_at = ?, message_id = ?, appended = ?, envelope = ?, body_structure = ?, search = ?, root = ? WHERE id = ? AND refs = -1`,
    ...columns,
    a.spool,
  );
  if (named === 0) throw new Error(`spool ${a.spool} does not exist: it was discarded, accepted before, or swept`);
  return a.spool;
}

const contentColumns = (a: ContentArgs, index: IndexColumns, { refs, local, appended }: Uses) =>
  [
    a.queueId,
    refs,
    a.size,
    a.arrivedAt,
    Number(local),
    a.reversePath,
    a.ret,
    a.envid,
    a.smtputf8,
    a.body,
    index.sentAt,
    index.messageId,
    appended,
    index.envelope,
    index.bodyStructure,
    index.search,
    index.root,
  ] as const;
