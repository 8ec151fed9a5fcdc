/**
 * The search file: decoded body text by content, derived from the store and rebuilt from it where it is lost or damaged.
 * `mark` says up to which content everything was prepared, so that what is left to do is found without looking at all of it.
 */
import { rmSync } from 'node:fs';
import { Database } from '../database.ts';
import type { Reading } from './reading.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS body (content INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (content INTEGER NOT NULL) STRICT;
INSERT INTO mark SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM mark);
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 16777216;
`;

/** Contents looked at for one answer. */
const LOOKED_AT = 2000;

export function openSearch(path: string): Database {
  try {
    return open(path);
  } catch {
    // It holds nothing that cannot be made again.
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return open(path);
  }
}

function open(path: string): Database {
  const db = new Database(path, { synchronous: 'OFF', cacheKib: 4 * 1024, busyMs: 5000 });
  db.exec(SCHEMA);
  return db;
}

export function searchText(r: Reading, a: { readonly content: number }): string | null {
  return r.search().get<{ text: string }>('SELECT text FROM body WHERE content = ?', a.content)?.text ?? null;
}

export function putSearchText(r: Reading, a: { readonly content: number; readonly text: string }): null {
  r.search().run('INSERT INTO body VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text', a.content, a.text);
  return null;
}

/** Contents of mailbox rows that have no text yet, oldest first. Texts of contents that are gone are dropped on the way. */
export function unpreparedSearch(r: Reading, a: { readonly limit: number }): readonly number[] {
  const search = r.search();
  const from = search.get<{ content: number }>('SELECT content FROM mark')?.content ?? 0;
  const present = r.db
    .tuples<[number]>('SELECT id FROM content WHERE id > ? AND refs > 0 AND local = 1 ORDER BY id LIMIT ?', from, LOOKED_AT)
    .map(([id]) => id);
  const last = present.at(-1);
  if (last === undefined) return [];
  const prepared = new Set(search.tuples<[number]>('SELECT content FROM body WHERE content > ? AND content <= ?', from, last).map(([id]) => id));
  const missing = present.filter((id) => !prepared.has(id));
  const mark = (missing[0] ?? last + 1) - 1;
  if (mark > from) search.run('UPDATE mark SET content = ?', mark);
  return missing.slice(0, a.limit);
}
