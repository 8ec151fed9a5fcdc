/**
 * The search file: decoded body text by content, derived from the store and rebuilt if lost or damaged.
 * `mark` is the content id up to which everything is prepared, so that the remaining work is found without a full
 * scan.
 */
import { rmSync } from 'node:fs';
import type { SearchText } from '../../../../mail/message.ts';
import { NO, type TextKey, UNKNOWN, YES } from '../../../mailboxes.ts';
import type { ReaderCalls } from '../calls.ts';
import { Database } from '../database.ts';
import type { Reading } from '../reading/connection.ts';

/**
 * Raise it when the tables or the texts change (protocol/mime/text.ts): a file of another version is deleted and
 * rebuilt.
 */
const VERSION = 3;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS body (content INTEGER PRIMARY KEY, text TEXT NOT NULL, headers TEXT NOT NULL) STRICT;
-- Short texts, in a table of their own: a search of headers does not read through the bodies. "fields" is content.search.
CREATE TABLE IF NOT EXISTS header (content INTEGER PRIMARY KEY, head TEXT, fields TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (content INTEGER NOT NULL) STRICT;
INSERT INTO mark SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM mark);
PRAGMA user_version = ${VERSION};
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 16777216;
`;

/** How long one call may compare texts, ms: the calls of other sessions wait behind it. */
const SEARCH_MS = 20;

/** Contents examined per call. */
const LOOKED_AT = 2000;

export interface SearchReading extends Reading {
  /** Opened with its first use. */
  search(): Database;
  /** Up to which content the search file was looked through for texts whose content is gone. */
  readonly pruned: { upTo: number };
}

/** `store` is the database from which the texts are derived. */
export function openSearch(path: string, store: Database): Database {
  try {
    const db = open(path);
    if (!isAhead(db, store)) return db;
    db.close();
  } catch {
    // Damaged, or of another version: everything in it can be rebuilt.
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  return open(path);
}

/** After a restore from a backup the store would assign ids again for which this file has another message's text. */
function isAhead(db: Database, store: Database): boolean {
  const given = store.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'content'")?.seq ?? 0;
  const known =
    db.get<{ last: number }>('SELECT max(content, coalesce((SELECT max(content) FROM body), 0)) AS last FROM mark')
      ?.last ?? 0;
  return known > given;
}

/** Throws if the file is of another version. */
function open(path: string): Database {
  const db = new Database(path, { synchronous: 'OFF', cacheKib: 4 * 1024, busyMs: 5000 });
  try {
    const { user_version: version } = db.get<{ user_version: number }>('PRAGMA user_version') ?? { user_version: 0 };
    const isNew = db.get('SELECT 1 FROM sqlite_schema LIMIT 1') === undefined;
    if (!isNew && version !== VERSION) throw new Error(`version ${version} instead of ${VERSION}`);
    db.exec(SCHEMA);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function searchText(r: SearchReading, a: { readonly content: number }): SearchText | null {
  return (
    r
      .search()
      .get<SearchText & Record<string, string | null>>(
        'SELECT text AS body, headers, head FROM body JOIN header USING (content) WHERE content = ?',
        a.content,
      ) ?? null
  );
}

export function putSearchText(r: SearchReading, a: { readonly content: number; readonly text: SearchText }): null {
  const { body, headers, head } = a.text;
  const fields = r.db.get<{ search: string }>('SELECT search FROM content WHERE id = ?', a.content)?.search ?? '';
  const search = r.search();
  search.run('BEGIN');
  try {
    search.run('INSERT OR REPLACE INTO body VALUES (?, ?, ?)', a.content, body, headers);
    search.run('INSERT OR REPLACE INTO header VALUES (?, ?, ?)', a.content, head, fields);
    search.run('COMMIT');
  } catch (error) {
    if (search.inTransaction) search.run('ROLLBACK');
    throw error;
  }
  return null;
}

/** A verdict, or the header in which the field is to be looked for; texts are compared where they are, in the file. */
const VERDICTS: Readonly<Record<TextKey['where'], string>> = {
  body: 'SELECT content, CASE WHEN instr(text, ?1) THEN 1 ELSE 0 END FROM body',
  anywhere: `SELECT content, CASE WHEN head IS NULL THEN 2 WHEN instr(head, ?1) OR instr(text, ?1) OR instr(headers, ?1)
    THEN 1 ELSE 0 END FROM header JOIN body USING (content)`,
  field: 'SELECT content, CASE WHEN head IS NULL THEN 2 WHEN instr(head, ?1) THEN head ELSE 0 END FROM header',
  // What an earlier version stored has no addresses: they are made of other fields then.
  fields: `SELECT content, CASE WHEN instr(fields, ?1) OR NOT instr(fields, '"addresses":') THEN 2 ELSE 0 END
    FROM header`,
};
/** Contents that lie this close together are read in one go, those of other mailboxes among them too. */
const CLOSE = 4;

type Verdict = readonly [content: number, verdict: number | string];

export function searchContents(
  r: SearchReading,
  a: { readonly contents: Float64Array; readonly key: TextKey },
): Uint8Array {
  const { contents, key } = a;
  const verdicts = new Uint8Array(contents.length).fill(UNKNOWN);
  if (contents.length === 0 || key.text === '' || /[\r\n\0]/.test(key.text)) return verdicts;
  // The fields are JSON, in which some characters are written in another way.
  const text = key.where === 'fields' ? JSON.stringify(key.text).slice(1, -1) : key.text;
  const decide = (index: number, verdict: number | string): void => {
    if (typeof verdict === 'number') verdicts[index] = verdict;
    else if (key.where === 'field') verdicts[index] = hasField(verdict, key.field, key.text) ? YES : NO;
  };
  const search = r.search();
  const begun = performance.now();
  const isLate = (): boolean => performance.now() - begun > SEARCH_MS;
  if (isDense(contents)) {
    let index = 0;
    let stopped = false;
    search.each<Verdict>(
      ([content, verdict]) => {
        while ((contents[index] ?? content) < content) index += 1;
        for (; contents[index] === content; index += 1) decide(index, verdict);
        stopped = isLate();
        return !stopped;
      },
      `${VERDICTS[key.where]} WHERE content BETWEEN ?2 AND ?3 ORDER BY content`,
      text,
      contents[0] ?? 0,
      contents.at(-1) ?? 0,
    );
    return stopped ? verdicts.slice(0, index) : verdicts;
  }
  for (const [index, content] of contents.entries()) {
    // At least one: whoever asks goes on behind what is answered.
    if (index > 0 && isLate()) return verdicts.slice(0, index);
    const found = search.tuple<Verdict>(`${VERDICTS[key.where]} WHERE content = ?2`, text, content);
    if (found !== undefined) decide(index, found[1]);
  }
  return verdicts;
}

/** In ascending order, and close together. */
function isDense(contents: Float64Array): boolean {
  for (let i = 1; i < contents.length; i += 1) if ((contents[i] ?? 0) < (contents[i - 1] ?? 0)) return false;
  return (contents.at(-1) ?? 0) - (contents[0] ?? 0) < contents.length * CLOSE;
}

const hasField = (head: string, field: string, text: string): boolean =>
  head.split('\r\n').some((line) => line.startsWith(`${field}: `) && line.includes(text, field.length + 2));

/**
 * Local contents without a text, oldest first. If there are none, texts of contents that are gone are deleted
 * instead.
 */
export function unpreparedSearch(
  r: SearchReading,
  a: { readonly limit: number },
): ReaderCalls['unpreparedSearch']['result'] {
  const search = r.search();
  const from = search.get<{ content: number }>('SELECT content FROM mark')?.content ?? 0;
  const present = r.db
    .tuples<[number]>(
      'SELECT id FROM content WHERE id > ? AND refs > 0 AND local = 1 ORDER BY id LIMIT ? + 0',
      from,
      LOOKED_AT,
    )
    .map(([id]) => id);
  const last = present.at(-1);
  if (last === undefined) return prune(r);
  const prepared = new Set(
    search
      .tuples<[number]>('SELECT content FROM body WHERE content > ? AND content <= ?', from, last)
      .map(([id]) => id),
  );
  const missing = present.filter((id) => !prepared.has(id));
  const mark = (missing[0] ?? last + 1) - 1;
  if (mark > from) search.run('UPDATE mark SET content = ?', mark);
  return { contents: missing.slice(0, a.limit), more: true };
}

/** Checks one section of the file per call; `more` until the whole file was checked. */
function prune(r: SearchReading): ReaderCalls['unpreparedSearch']['result'] {
  const search = r.search();
  const texts = search
    .tuples<[number]>(
      'SELECT content FROM body WHERE content > ? ORDER BY content LIMIT ? + 0',
      r.pruned.upTo,
      LOOKED_AT,
    )
    .map(([id]) => id);
  for (const id of texts) {
    if (r.db.get('SELECT 1 FROM content WHERE id = ? AND refs > 0', id) === undefined)
      for (const table of ['body', 'header']) search.run(`DELETE FROM ${table} WHERE content = ?`, id);
  }
  const more = texts.length === LOOKED_AT;
  r.pruned.upTo = more ? (texts.at(-1) ?? 0) : 0;
  return { contents: [], more };
}
