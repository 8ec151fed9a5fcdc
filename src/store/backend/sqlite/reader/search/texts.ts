/** The texts in the search file: what is there, what is missing, and what is there no longer. */
import type { SearchText } from '../../../../../mail/message.ts';
import type { ReaderCalls } from '../../calls.ts';
import type { Database } from '../../database.ts';
import { SEARCH_MS } from './contents.ts';
import type { SearchReading } from './file.ts';
import { countIndexed, putTrigrams, removeTrigrams } from './trigrams.ts';

/** Contents examined per call. */
const LOOKED_AT = 2000;

export function searchText({ search: { db } }: SearchReading, a: { readonly content: number }): SearchText | null {
  return (
    db.get<SearchText & Record<string, string | null>>(
      'SELECT text AS body, headers, head FROM body JOIN header USING (content) WHERE content = ?',
      a.content,
    ) ?? null
  );
}

export function putSearchText(r: SearchReading, a: { readonly content: number; readonly text: SearchText }): null {
  const { content, text } = a;
  const { body, headers, head } = text;
  const fields = r.db.get<{ search: string }>('SELECT search FROM content WHERE id = ?', content)?.search ?? '';
  const { db } = r.search;
  inWriting(db, () => {
    db.run('INSERT OR REPLACE INTO body VALUES (?, ?, ?)', content, body, headers);
    db.run('INSERT OR REPLACE INTO header VALUES (?, ?, ?)', content, head, fields);
    // The index says no: it must not have what a comparison would leave open for every key.
    if (head === null || !fields.includes('"addresses":')) removeTrigrams(db, content);
    else putTrigrams(db, content, text, fields);
  });
  return null;
}

function inWriting(db: Database, work: () => void): void {
  db.run('BEGIN');
  try {
    work();
    db.run('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.run('ROLLBACK');
    throw error;
  }
}

/**
 * Local contents without a text, oldest first. If there are none, texts of contents that are gone are deleted
 * instead. `more` and no contents: it took too long to find some.
 */
export function unpreparedSearch(
  r: SearchReading,
  { limit }: { readonly limit: number },
): ReaderCalls['unpreparedSearch']['result'] {
  const { db } = r.search;
  const begun = performance.now();
  let contents: readonly number[] = [];
  while (contents.length === 0 && performance.now() - begun < SEARCH_MS) {
    const from = db.get<{ content: number }>('SELECT content FROM mark')?.content ?? 0;
    const present = localContents(r.db, from);
    const last = present.at(-1);
    if (last === undefined) return prune(r);
    const prepared = preparedContents(db, from, last);
    contents = present.filter((content) => !prepared.has(content));
    const mark = (contents[0] ?? last + 1) - 1;
    if (mark > from) db.run('UPDATE mark SET content = ?', mark);
  }
  return { contents: contents.slice(0, limit), more: true };
}

/** A section of the contents that are or were in mailboxes. */
const localContents = (store: Database, after: number): readonly number[] =>
  store
    .tuples<[number]>(
      'SELECT id FROM content WHERE id > ? AND refs > 0 AND local = 1 ORDER BY id LIMIT ? + 0',
      after,
      LOOKED_AT,
    )
    .map(([content]) => content);

const preparedContents = (search: Database, after: number, last: number): ReadonlySet<number> =>
  new Set(
    search
      .tuples<[number]>('SELECT content FROM body WHERE content > ? AND content <= ?', after, last)
      .map(([content]) => content),
  );

/** Checks one section of the file per call, or less if it takes long; `more` until the whole file was checked. */
function prune({ db: store, search }: SearchReading): ReaderCalls['unpreparedSearch']['result'] {
  const { db, pruned } = search;
  const begun = performance.now();
  const texts = db.tuples<[number]>(
    'SELECT content FROM body WHERE content > ? ORDER BY content LIMIT ? + 0',
    pruned,
    LOOKED_AT,
  );
  let checked = pruned;
  inWriting(db, () => {
    for (const [content] of texts) {
      checked = content;
      if (store.get('SELECT 1 FROM content WHERE id = ? AND refs > 0', content) !== undefined) continue;
      removeTrigrams(db, content);
      for (const table of ['body', 'header']) db.run(`DELETE FROM ${table} WHERE content = ?`, content);
      if (performance.now() - begun > SEARCH_MS) break;
    }
  });
  const more = texts.length === LOOKED_AT || checked < (texts.at(-1)?.[0] ?? 0);
  search.pruned = more ? checked : 0;
  return { contents: [], more };
}

/** Counts a section of the messages that SEARCH may be asked about; `next` is where the following one begins. */
export function searchProgress(
  { db: store, search: { db, octets } }: SearchReading,
  { after }: { readonly after: number },
): ReaderCalls['searchProgress']['result'] {
  const contents = localContents(store, after);
  const last = contents.at(-1) ?? after;
  const prepared = preparedContents(db, after, last);
  return {
    messages: contents.length,
    prepared: contents.filter((content) => prepared.has(content)).length,
    indexed: countIndexed(db, contents),
    octets,
    next: contents.length === LOOKED_AT ? last : null,
  };
}

export function discardSearch({ search }: SearchReading): null {
  search.discard();
  return null;
}
