/**
 * An index of the search file: which messages have three characters in a row, in their body or in a header. A text that
 * has a key has all its trigrams, so a message that lacks one is ruled out without reading its texts. It may have all
 * of them elsewhere: the others are candidates, whose texts are compared.
 *
 * FTS5 with detail=none keeps numbers of documents only. Two are a message's: 2 * content is its body, 2 * content + 1
 * its headers, for a word of all headers is in few bodies, and the other way round.
 */
import type { SearchText } from '../../../../../mail/message.ts';
import type { TextKey } from '../../../../mailboxes.ts';
import type { Database } from '../../database.ts';

/**
 * The texts are in lower case already. Merging is done by `put` in small steps: what FTS5 does by itself may merge a
 * large part of the index at once, and other sessions' reads wait behind it.
 */
export const TRIGRAMS = `
CREATE VIRTUAL TABLE IF NOT EXISTS trigram
  USING fts5(text, tokenize = 'trigram case_sensitive 1', content = '', contentless_delete = 1, detail = none);
INSERT INTO trigram (trigram, rank) VALUES ('automerge', 0), ('crisismerge', 1999), ('usermerge', 4);
-- A bit for each content that is in it, a row for each BLOCK of contents.
CREATE TABLE IF NOT EXISTS indexed (block INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT;
`;

/** Pages merged with each insertion, which writes four: enough for 10 segments at 40,000 messages, as 32 would be. */
const MERGED_PAGES = 16;

/** Contents whose trigrams are looked for in one go: where all of them have all, it takes 6 ms. */
const BLOCK = 16_384;

/** Of a longer key some trigrams rule out as much as all. */
const MOST_TRIGRAMS = 12;

/**
 * What longer texts take to insert holds up the reader for too long: those messages are not in the index, and a SEARCH
 * compares their texts. 1,000 characters of prose take 0.07 ms, 1,000 different trigrams 0.6 ms.
 */
const MOST_CHARACTERS = 128 * 1024;
const MOST_DIFFERENT = 24 * 1024;

const NONE = new Uint8Array();

export const blockOf = (content: number): number => Math.floor(content / BLOCK);

/** Call it in a transaction. A content that is in the index already is replaced. `fields` is content.search. */
export function putTrigrams(search: Database, content: number, text: SearchText, fields: string): void {
  removeTrigrams(search, content);
  const headers = `${text.head}\n${text.headers}\n${fields}`;
  const characters = text.body.length + headers.length;
  if (characters > MOST_CHARACTERS) return;
  if (characters > MOST_DIFFERENT && differentTrigrams(text.body) + differentTrigrams(headers) > MOST_DIFFERENT) return;
  search.run(
    'INSERT INTO trigram (rowid, text) VALUES (?, ?), (?, ?)',
    2 * content,
    text.body,
    2 * content + 1,
    headers,
  );
  search.run("INSERT INTO trigram (trigram, rank) VALUES ('merge', ?)", MERGED_PAGES);
  setIndexed(search, content, true);
}

/** Call it in a transaction. */
export function removeTrigrams(search: Database, content: number): void {
  if (!isIndexed(indexedBits(search, blockOf(content)), content)) return;
  search.run('DELETE FROM trigram WHERE rowid IN (?, ?)', 2 * content, 2 * content + 1);
  setIndexed(search, content, false);
}

/** Slightly too few: some have the same place in the table. */
function differentTrigrams(text: string): number {
  const seen = new Uint8Array(1 << 18);
  let different = 0;
  let [before, last] = [0, 0];
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const place = (Math.imul(before, 0x9e3779b1) ^ Math.imul(last, 0x85ebca6b) ^ Math.imul(code, 0xc2b2ae35)) >>> 14;
    if (seen[place] === 0) different += 1;
    seen[place] = 1;
    [before, last] = [last, code];
  }
  return different;
}

/** Which contents of a block are in the index; empty if none is. */
export function indexedBits(search: Database, block: number): Uint8Array {
  return search.get<{ bits: Uint8Array }>('SELECT bits FROM indexed WHERE block = ?', block)?.bits ?? NONE;
}

export const isIndexed = (bits: Uint8Array, content: number): boolean =>
  ((bits[(content % BLOCK) >> 3] ?? 0) & (1 << (content & 7))) !== 0;

function setIndexed(search: Database, content: number, indexed: boolean): void {
  const block = blockOf(content);
  const bits = new Uint8Array(BLOCK / 8);
  bits.set(indexedBits(search, block));
  const at = (content % BLOCK) >> 3;
  bits[at] = ((bits[at] ?? 0) & ~(1 << (content & 7))) | (Number(indexed) << (content & 7));
  search.run('INSERT OR REPLACE INTO indexed VALUES (?, ?)', block, bits);
}

export function countIndexed(search: Database, contents: readonly number[]): number {
  const blocks = new Map([...new Set(contents.map(blockOf))].map((block) => [block, indexedBits(search, block)]));
  return contents.filter((content) => isIndexed(blocks.get(blockOf(content)) ?? NONE, content)).length;
}

/**
 * The query for texts with all trigrams of a key, or null if it is shorter than a trigram. Characters are counted as
 * the tokenizer does, in code points; what is no character is U+FFFD here and there.
 */
export function trigramQuery(key: string): string | null {
  const characters = [...key.toWellFormed()];
  const count = characters.length - 2;
  if (count < 1) return null;
  const wanted = Math.min(count, MOST_TRIGRAMS);
  const trigrams = new Set<string>();
  for (let i = 0; i < wanted; i += 1) {
    const at = wanted === 1 ? 0 : Math.round((i * (count - 1)) / (wanted - 1));
    trigrams.add(
      `"${characters
        .slice(at, at + 3)
        .join('')
        .replaceAll('"', '""')}"`,
    );
  }
  return [...trigrams].join(' AND ');
}

const DOCUMENTS: Readonly<Record<TextKey['where'], string>> = {
  body: 'AND rowid & 1 = 0',
  anywhere: '',
  field: 'AND rowid & 1 = 1',
  fields: 'AND rowid & 1 = 1',
};

/**
 * Contents from `first` to `last` that have the trigrams there, in ascending order. FTS5 begins and ends at the limits
 * only if they are integers, and a number of JavaScript's is not one to it.
 */
export function candidates(
  search: Database,
  where: TextKey['where'],
  query: string,
  first: number,
  last: number,
): readonly number[] {
  const documents = search.tuples<[number]>(
    `SELECT rowid FROM trigram
      WHERE trigram MATCH ? AND rowid BETWEEN CAST(? AS INTEGER) AND CAST(? AS INTEGER) ${DOCUMENTS[where]}
      ORDER BY rowid`,
    query,
    2 * first,
    2 * last + 1,
  );
  const contents: number[] = [];
  for (const [document] of documents) {
    const content = Math.floor(document / 2);
    if (contents.at(-1) !== content) contents.push(content);
  }
  return contents;
}
