/**
 * References to contents. Each row and each queue item has its own name among them, so that adding and removing one can
 * be repeated. A content goes with its last reference, and nothing can refer to it again.
 */
import { CHUNK_SIZE } from '../../../content.ts';
import type { Database } from './database.ts';
import type { ContentDocument } from './documents.ts';

export interface Reference {
  readonly content: string;
  readonly ref: string;
}

/** Contents per command. */
const SLICE = 1000;

/** The reference of a content whose rows are still to come. */
export const WAITING = 'w';

/** Whoever calls this keeps a note of the references until it has resolved, and then repeats it after a crash. */
export async function dropReferences(database: Database, references: readonly Reference[]): Promise<void> {
  const refs = refsByContent(references);
  for (const contents of slices([...refs.keys()], SLICE)) {
    await database.contents.bulkWrite(
      contents.map((content) => ({
        updateOne: { filter: { _id: content }, update: { $pull: { refs: { $in: refs.get(content) ?? [] } } } },
      })),
      { ordered: false },
    );
    await removeUnreferenced(database, contents);
  }
}

/** Adds a reference to each content that still has one. Returns the contents that had none. */
export async function addReferences(
  database: Database,
  references: readonly Reference[],
): Promise<ReadonlySet<string>> {
  const refs = refsByContent(references);
  const missing = new Set<string>();
  for (const contents of slices([...refs.keys()], SLICE)) {
    const { matchedCount } = await database.contents.bulkWrite(
      contents.map((content) => ({
        updateOne: {
          filter: { _id: content, 'refs.0': { $exists: true } },
          update: { $addToSet: { refs: { $each: refs.get(content) ?? [] } } },
        },
      })),
      { ordered: false },
    );
    if (matchedCount === contents.length) continue;
    const present = await database.contents
      .find({ _id: { $in: contents }, 'refs.0': { $exists: true } }, { projection: { _id: 1 } })
      .toArray();
    const found = new Set(present.map(({ _id }) => _id));
    for (const content of contents) if (!found.has(content)) missing.add(content);
  }
  return missing;
}

/** Contents that waited for their rows do so no longer. `local`: they are in mailboxes now. */
export async function endWaiting({ contents }: Database, ids: readonly string[], local: boolean): Promise<void> {
  const among = { _id: { $in: [...ids] } };
  if (local)
    await contents.updateMany({ ...among, local: false }, { $set: { local: true, unprepared: true as const } });
  await contents.updateMany(
    { ...among, waiting: { $exists: true } },
    { $unset: { waiting: '' }, $pull: { refs: WAITING } },
  );
}

/** Those among these contents to which nothing refers: chunks first, for without the content nobody would find them. */
export async function removeUnreferenced(database: Database, contents: readonly string[]): Promise<void> {
  const empty = await database.contents
    .find({ _id: { $in: [...contents] }, refs: { $size: 0 } }, { projection: { chunks: 1, size: 1 }, batchSize: SLICE })
    .toArray();
  if (empty.length === 0) return;
  const ids = empty.map(({ _id }) => _id);
  const chunks = empty.flatMap(chunkKeys);
  await Promise.all([
    ...[...slices(chunks, SLICE)].map((keys) => database.chunks.deleteMany({ _id: { $in: keys } })),
    database.searchTexts.deleteMany({ _id: { $in: ids } }),
  ]);
  await database.contents.deleteMany({ _id: { $in: ids }, refs: { $size: 0 } });
}

export const chunkKey = (spool: string, number: number): string => `${spool}.${number}`;

const chunkKeys = ({ chunks, size }: Pick<ContentDocument, 'chunks' | 'size'>): string[] =>
  chunks === undefined
    ? []
    : Array.from({ length: Math.ceil(size / CHUNK_SIZE) }, (_, number) => chunkKey(chunks, number));

function refsByContent(references: readonly Reference[]): Map<string, string[]> {
  const refs = new Map<string, string[]>();
  for (const { content, ref } of references) {
    const known = refs.get(content);
    if (known === undefined) refs.set(content, [ref]);
    else known.push(ref);
  }
  return refs;
}

export function* slices<T>(list: readonly T[], length: number): Iterable<T[]> {
  for (let at = 0; at < list.length; at += length) yield list.slice(at, at + length);
}
