/** Reads ranges of a content from its chunks. */
import { CHUNK_SIZE } from '../../../content.ts';
import { CHUNK_IDS } from '../chunks.ts';
import { AWAITED } from '../references.ts';
import type { Reading } from './connection.ts';

/** A condition on the columns of a content that is neither a spool nor about to be swept. */
export const IS_STORED = `(refs > 0 OR refs = ${AWAITED})`;

/** Octets one call may read at most. */
const MAX_READ = 4 * 1024 * 1024;

export function contentSize(r: Reading, a: { readonly content: number }): number {
  const row = r.db.get<{ size: number }>(`SELECT size FROM content WHERE id = ? AND ${IS_STORED}`, a.content);
  if (row === undefined) throw new Error(`content ${a.content} is no longer in the store`);
  return row.size;
}

export function readContent(
  r: Reading,
  a: { readonly content: number; readonly start: number; readonly end: number | null },
): Uint8Array {
  const whole = a.end === null ? undefined : inOneChunk(r, a.content, a.start, a.end);
  if (whole !== undefined) return whole;
  const size = contentSize(r, a);
  const end = Math.min(a.end ?? size, size);
  const start = Math.min(Math.max(0, a.start), end);
  if (end - start > MAX_READ) throw new RangeError(`at most ${MAX_READ} octets can be read at once: use stream`);
  if (start === end) return new Uint8Array(0);
  const first = Math.floor(start / CHUNK_SIZE);
  const last = Math.floor((end - 1) / CHUNK_SIZE);
  const chunks: Uint8Array[] = [];
  for (let chunk = first; chunk <= last; chunk += 1) {
    const from = Math.max(start - chunk * CHUNK_SIZE, 0);
    const to = Math.min(end - chunk * CHUNK_SIZE, CHUNK_SIZE);
    const row = r.db.get<{ bytes: Uint8Array }>(
      'SELECT substr(bytes, ?, ?) AS bytes FROM chunk WHERE id = ?',
      from + 1,
      to - from,
      a.content * CHUNK_IDS + chunk,
    );
    if (row === undefined || row.bytes.length !== to - from)
      throw new Error(`content ${a.content} is damaged: chunk ${chunk} is missing or short`);
    if (first === last) return row.bytes;
    chunks.push(row.bytes);
  }
  const bytes = new Uint8Array(end - start);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** The usual case: octets of one chunk, which are all there. Undefined otherwise, also if the content is gone. */
function inOneChunk(r: Reading, content: number, start: number, end: number): Uint8Array | undefined {
  const chunk = Math.floor(start / CHUNK_SIZE);
  const from = start - chunk * CHUNK_SIZE;
  if (start < 0 || end <= start || end > (chunk + 1) * CHUNK_SIZE) return undefined;
  const sql = `SELECT substr(bytes, ?, ?) FROM chunk
    WHERE id = ? AND EXISTS (SELECT 1 FROM content WHERE content.id = ? AND ${IS_STORED})`;
  const [bytes] = r.db.tuple<[Uint8Array]>(sql, from + 1, end - start, content * CHUNK_IDS + chunk, content) ?? [];
  return bytes?.length === end - start ? bytes : undefined;
}
