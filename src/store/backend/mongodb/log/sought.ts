/**
 * Operations that somebody may still look for in a journal, to learn whether they were done: rows of an acceptance that
 * is not closed, of a late delivery that is not noted, of a copy or move that has not ended. They stay there until then.
 */
import type { Database } from '../database/database.ts';
import type { Operation } from '../database/documents.ts';
import { slices } from '../database/references.ts';

/** Documents per query. */
const SLICE = 1000;

/** Returns their ids. */
export async function soughtOperations(
  database: Database,
  operations: readonly Operation[],
): Promise<ReadonlySet<string>> {
  const origins = operations.map((operation) => ({ id: operation.id, ...originsOf(operation) }));
  const [contents, intents] = await Promise.all([
    openContents(
      database,
      origins.flatMap((origin) => origin.contents),
    ),
    openIntents(
      database,
      origins.flatMap((origin) => origin.intents),
    ),
  ]);
  const isOpen = (origin: (typeof origins)[number]): boolean =>
    origin.contents.some((content) => contents.has(content)) || origin.intents.some((intent) => intents.has(intent));
  return new Set(origins.filter(isOpen).map(({ id }) => id));
}

function originsOf(operation: Operation): {
  readonly contents: readonly string[];
  readonly intents: readonly string[];
} {
  if (operation.kind === 'batch') return { contents: [], intents: operation.parts.map(intentOf) };
  if (operation.kind === 'expunge') return { contents: [], intents: operation.of === undefined ? [] : [operation.of] };
  if (operation.kind !== 'append') return { contents: [], intents: [] };
  const copies = operation.rows.filter(({ ref }) => ref.includes('.'));
  const others = operation.rows.filter(({ ref }) => !ref.includes('.'));
  return { contents: others.map(({ content }) => content), intents: copies.map(({ ref }) => intentOf(ref)) };
}

/** Of a copy's reference, and of its parts: `INTENT.NUMBER`. */
const intentOf = (name: string): string => name.slice(0, name.indexOf('.'));

async function openContents(database: Database, contents: readonly string[]): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for (const some of slices([...new Set(contents)], SLICE)) {
    const found = await database.contents
      .find(
        { _id: { $in: some }, $or: [{ open: true }, { 'trying.0': { $exists: true } }] },
        { projection: { _id: 1 }, batchSize: SLICE + 1 },
      )
      .toArray();
    for (const { _id } of found) open.add(_id);
  }
  return open;
}

async function openIntents(database: Database, intents: readonly string[]): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for (const some of slices([...new Set(intents)], SLICE)) {
    const found = await database.intents
      .find({ _id: { $in: some }, ended: { $exists: false } }, { projection: { _id: 1 }, batchSize: SLICE + 1 })
      .toArray();
    for (const { _id } of found) open.add(_id);
  }
  return open;
}
