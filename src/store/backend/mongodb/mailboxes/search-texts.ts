/** The texts for SEARCH: one document for each content, in which the database looks for keys. Can be made again. */
import type { Filter } from 'mongodb';
import type { SearchText } from '../../../../mail/message.ts';
import { NO, type SearchProgress, type TextKey, UNKNOWN, YES } from '../../../mailboxes.ts';
import { hasField, isDecidable, soughtText } from '../../text-key.ts';
import { type Database, LASTING } from '../database/database.ts';
import type { SearchTextDocument } from '../database/documents.ts';
import { slices } from '../database/references.ts';

/** Contents per query. */
const SLICE = 1000;
/** A document has at most 16 MB: characters of one text, of up to 3 octets each. */
const MOST = 2_500_000;

/** Those that have the key, or may have it. `head` is needed for the verdict. */
const MATCHES: Readonly<Record<TextKey['where'], (pattern: RegExp) => Filter<SearchTextDocument>>> = {
  body: (pattern) => ({ body: pattern }),
  anywhere: (pattern) => ({ $or: [{ head: null }, { head: pattern }, { body: pattern }, { headers: pattern }] }),
  field: (pattern) => ({ $or: [{ head: null }, { head: pattern }] }),
  // What an earlier version stored has no addresses: they are made of other fields then.
  fields: (pattern) => ({ $or: [{ fields: pattern }, { fields: { $not: /"addresses":/ } }] }),
};

const VERDICTS: Readonly<Record<TextKey['where'], (head: string | null | undefined, key: TextKey) => number>> = {
  body: () => YES,
  anywhere: (head) => (head === null ? UNKNOWN : YES),
  field: (head, key) =>
    head == null ? UNKNOWN : key.where === 'field' && hasField(head, key.field, key.text) ? YES : NO,
  fields: () => UNKNOWN,
};

export class SearchTexts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async of(content: string): Promise<SearchText | null> {
    const found = await this.#database.searchTexts.findOne({ _id: content });
    return found === null ? null : { body: found.body, headers: found.headers, head: found.head };
  }

  /** A text that is too long for a document is left out: the message counts as prepared, and is never decided. */
  async put(content: string, text: SearchText): Promise<void> {
    const { contents, searchTexts } = this.#database;
    const stored = await contents.findOne({ _id: content }, { projection: { search: 1 } });
    if (stored === null) return;
    const { body, headers, head } = text;
    if (body.length + headers.length + (head?.length ?? 0) <= MOST)
      await searchTexts.replaceOne({ _id: content }, { body, headers, head, fields: stored.search }, { upsert: true });
    const { matchedCount } = await contents.updateOne({ _id: content }, { $unset: { unprepared: '' } });
    // The message was expunged meanwhile.
    if (matchedCount === 0) await searchTexts.deleteOne({ _id: content });
  }

  async decide(contents: readonly string[], key: TextKey): Promise<Uint8Array> {
    const verdicts = new Uint8Array(contents.length).fill(UNKNOWN);
    if (!isDecidable(key)) return verdicts;
    const known = new Map<string, number>();
    for (const some of slices([...new Set(contents)], SLICE)) await this.#decide(some, key, known);
    for (const [i, content] of contents.entries()) verdicts[i] = known.get(content) ?? UNKNOWN;
    return verdicts;
  }

  async #decide(contents: readonly string[], key: TextKey, known: Map<string, number>): Promise<void> {
    const { searchTexts } = this.#database;
    const among = { _id: { $in: [...contents] } };
    const [prepared, matching] = await Promise.all([
      searchTexts.find(among, { projection: { _id: 1 }, batchSize: SLICE + 1 }).toArray(),
      searchTexts
        .find(
          { ...among, ...MATCHES[key.where](patternOf(soughtText(key))) },
          { projection: key.where === 'body' ? { _id: 1 } : { head: 1 }, batchSize: SLICE + 1 },
        )
        .toArray(),
    ]);
    for (const { _id } of prepared) known.set(_id, NO);
    for (const { _id, head } of matching) known.set(_id, VERDICTS[key.where](head, key));
  }

  async unprepared(limit: number): Promise<readonly string[]> {
    const found = await this.#database.contents
      .find(
        { unprepared: true, 'refs.0': { $exists: true } },
        { projection: { _id: 1 }, sort: { unprepared: 1, _id: 1 }, limit, batchSize: limit + 1 },
      )
      .toArray();
    return found.map(({ _id }) => _id);
  }

  async progress(): Promise<SearchProgress> {
    const { contents, searchTexts, db } = this.#database;
    const [messages, left, stats] = await Promise.all([
      contents.countDocuments({ local: true }, LASTING),
      contents.countDocuments({ unprepared: true }),
      db.command({ collStats: searchTexts.collectionName }).catch(() => ({ storageSize: 0 })),
    ]);
    const size: unknown = stats['storageSize'];
    // There is no index of words: texts are compared, by the database.
    return { messages, prepared: messages - left, indexed: 0, octets: typeof size === 'number' ? size : 0 };
  }

  async discard(): Promise<void> {
    const { contents, searchTexts } = this.#database;
    await contents.updateMany({ local: true, unprepared: { $exists: false } }, { $set: { unprepared: true } }, LASTING);
    await searchTexts.deleteMany({}, LASTING);
  }
}

/** Texts and keys are in lower case already. */
const patternOf = (text: string): RegExp => new RegExp(text.replace(/[^\p{L}\p{N}\s]/gu, '\\$&'));
