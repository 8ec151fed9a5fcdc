/**
 * The search file from inside: whatever of it is prepared and indexed, the verdicts are those of a plain comparison;
 * nothing in it takes long, and what is gone from the store goes from the index too.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SearchText } from '../../src/mail/message.ts';
import { Database } from '../../src/store/backend/sqlite/database.ts';
import { searchContents } from '../../src/store/backend/sqlite/reader/search/contents.ts';
import { SearchFile, type SearchReading } from '../../src/store/backend/sqlite/reader/search/file.ts';
import { putSearchText, searchProgress, unpreparedSearch } from '../../src/store/backend/sqlite/reader/search/texts.ts';
import { migrate } from '../../src/store/backend/sqlite/writer/schema.ts';
import { NO, type TextKey, UNKNOWN, YES } from '../../src/store/mailboxes.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let directory: string;
let r: SearchReading;
beforeEach(() => {
  directory = temporaryFolder('search');
  const db = new Database(join(directory, 'store.sqlite'), { synchronous: 'OFF', cacheKib: 4_000, busyMs: 100 });
  migrate(db, 'path');
  r = { db, search: new SearchFile(join(directory, 'search.sqlite'), db) };
});
afterEach(() => {
  r.search.close();
  r.db.close();
  removeFolder(directory);
});

const FIELDS = JSON.stringify({ subject: 'q"u', addresses: {} });

function addContent(content: number, fields = FIELDS): void {
  r.db.run(
    `INSERT INTO content (id, refs, size, arrived_at, local, reverse_path, ret, envid, smtputf8, body, message_id,
      appended, envelope, body_structure, search, root)
      VALUES (?, 1, 0, 0, 1, '', '', '', 0, '', '', '', '', '', ?, '')`,
    content,
    fields,
  );
}

function add(content: number, text: Partial<SearchText>, fields = FIELDS): void {
  addContent(content, fields);
  putSearchText(r, { content, text: { body: '', headers: '', head: '', ...text } });
}

/** As the front asks: again for what is left, until all is answered. */
function decide(contents: readonly number[], key: TextKey): readonly number[] {
  const verdicts: number[] = [];
  while (verdicts.length < contents.length) {
    const some = searchContents(r, { contents: Float64Array.from(contents.slice(verdicts.length)), key });
    expect(some.length).toBeGreaterThan(0);
    verdicts.push(...some);
  }
  return verdicts;
}

const indexed = (): readonly number[] =>
  r.search.db.tuples<[number]>('SELECT DISTINCT rowid / 2 FROM trigram ORDER BY 1').map(([content]) => content);

/** Numbers that are the same in each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % sides;
  };
}

const PIECES = [
  ...['a', 'b', 'c', ' ', '"', '""', '*', '^', '(', ')', '-', '\\', "'", ':', ' and ', ' or ', ' not ', 'near('],
  ...[
    'é',
    'e\u0301',
    'ß',
    'ſ',
    'K',
    '你',
    '好',
    '世界',
    '한글',
    'かな',
    '😀',
    '👩‍👩‍👧',
    '\ufffd',
    '\ufffe',
    '\ud83d',
    '\u00ad',
  ],
];
const PLACES = ['body', 'anywhere', 'fields', 'field'] as const;

interface Stored extends SearchText {
  readonly fields: string;
}

/** What the texts say, read without SQL. */
function expected(text: Stored | undefined, key: TextKey): number {
  if (text === undefined) return UNKNOWN;
  const has = (where: string): boolean => where.toWellFormed().includes(key.text);
  if (key.where === 'body') return has(text.body) ? YES : NO;
  if (key.where === 'fields')
    return text.fields.includes(JSON.stringify(key.text).slice(1, -1)) || !text.fields.includes('"addresses":')
      ? UNKNOWN
      : NO;
  if (text.head === null) return UNKNOWN;
  const found =
    key.where === 'field'
      ? text.head
          .split('\r\n')
          .some((line) => line.startsWith(`${key.field}: `) && has(line.slice(key.field.length + 2)))
      : has(text.body) || has(text.headers) || has(text.head);
  return found ? YES : NO;
}

describe('the index of trigrams', () => {
  it('D4: with it, without it and half of it, verdicts are those of a comparison', () => {
    const roll = dice(20_261_127);
    const words = (most: number): string =>
      Array.from({ length: roll(most) }, () => PIECES[roll(PIECES.length)] ?? '').join('');
    const texts = new Map<number, Stored>();
    const contents: number[] = [];
    // Close together at first, far apart then, and in several blocks of the index.
    for (let content = 1; contents.length < 900; content += contents.length < 600 ? 1 + roll(2) : 1 + roll(700)) {
      contents.push(content);
      const text: Stored = {
        body: roll(9) === 0 ? `${words(40)}\0${words(40)}` : words(80),
        headers: words(5),
        head: roll(12) === 0 ? null : `subject: ${words(12)}\r\nx-a: ${words(20)}`,
        fields: roll(12) === 0 ? '{}' : JSON.stringify({ subject: words(12), addresses: { to: words(9) } }),
      };
      if (roll(8) === 0) continue;
      add(content, text, text.fields);
      texts.set(content, text);
    }
    for (let n = 0; n < 1_500; n += 1) {
      const where = PLACES[roll(PLACES.length)] ?? 'body';
      const from = [...texts.values()][roll(texts.size)]?.body.replaceAll('\0', '') ?? '';
      const at = roll(from.length);
      // Keys come from octets, so they have no half of a character; texts may.
      const text = (roll(3) === 0 ? words(7) : from.slice(at, at + 1 + roll(roll(5) === 0 ? 60 : 7))).toWellFormed();
      if (text === '') continue;
      const key: TextKey =
        where === 'field' ? { where, field: roll(2) === 0 ? 'x-a' : 'subject', text } : { where, text };
      const few = roll(3) === 0 ? contents.filter(() => roll(20) === 0) : contents;
      expect([key, decide(few, key)]).toEqual([key, few.map((content) => expected(texts.get(content), key))]);
    }
    expect(indexed().length).toBeGreaterThan(500);
  });

  it('leaves out a text that would take long to insert: that one is compared', () => {
    const roll = dice(7);
    const random = String.fromCharCode(...Array.from({ length: 60_000 }, () => 0x4e00 + roll(20_000)));
    const texts = ['many words '.repeat(11_000), 'many words '.repeat(13_000), random, random.slice(0, 20_000)];
    for (const [index, text] of texts.entries()) add(index + 1, { body: `${text}the end` });
    // Neither of these is much; both together are.
    add(5, { body: random.slice(0, 20_000), head: `x-a: ${random.slice(20_000, 40_000)}` });
    add(6, { body: 'many words '.repeat(2_200), head: `x-a: ${'many words '.repeat(2_200)}` });
    expect(indexed()).toEqual([1, 4, 6]);
    expect(decide([1, 2, 3, 4], { where: 'body', text: 'the end' })).toEqual([YES, YES, YES, YES]);
    expect(decide([1, 2, 3, 4], { where: 'body', text: 'no end' })).toEqual([NO, NO, NO, NO]);
    expect(searchProgress(r, { after: 0 })).toMatchObject({ messages: 6, prepared: 6, indexed: 3, next: null });
  });

  it('has the last text of a content only', () => {
    add(1, { body: 'first text' });
    const put = (text: SearchText): null => putSearchText(r, { content: 1, text });
    put({ body: 'second text', headers: '', head: '' });
    expect(indexed()).toEqual([1]);
    expect(decide([1], { where: 'body', text: 'first' })).toEqual([NO]);
    expect(decide([1], { where: 'body', text: 'second' })).toEqual([YES]);
    put({ body: 'third text', headers: '', head: null });
    expect(indexed()).toEqual([]);
    expect(decide([1], { where: 'body', text: 'third' })).toEqual([YES]);
    expect(decide([1], { where: 'anywhere', text: 'nowhere' })).toEqual([UNKNOWN]);
  });

  it('loses the texts of messages that are gone, section by section', () => {
    for (let content = 1; content <= 5_000; content += 1) add(content, { body: `text number ${content}` });
    r.db.run('UPDATE content SET refs = 0 WHERE id % 3 > 0');
    for (let calls = 0; unpreparedSearch(r, { limit: 10 }).more; calls += 1) expect(calls).toBeLessThan(500);
    expect(indexed()).toEqual(Array.from({ length: 1_666 }, (_, i) => 3 * (i + 1)));
    expect(searchProgress(r, { after: 0 })).toMatchObject({ messages: 1_666, prepared: 1_666, indexed: 1_666 });
    expect(decide([2, 3, 4], { where: 'body', text: 'number 3' })).toEqual([UNKNOWN, YES, UNKNOWN]);
  });
});
