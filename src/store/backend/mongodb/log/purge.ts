/** Removes the rows of a mailbox that does not exist any more. */
import type { Database } from '../database/database.ts';
import { keysUnder } from '../database/documents.ts';
import { dropReferences } from '../database/references.ts';

/** Rows per command. */
const SLICE = 1000;

/** Some of them; returns whether there are more. */
export async function removeRows(database: Database, mailbox: string): Promise<boolean> {
  const rows = await database.messages
    .find({ _id: keysUnder(mailbox) }, { projection: { content: 1, ref: 1 }, limit: SLICE, batchSize: SLICE + 1 })
    .toArray();
  if (rows.length === 0) return false;
  await dropReferences(
    database,
    rows.filter((row) => row.content !== undefined),
  );
  await database.messages.deleteMany({ _id: { $in: rows.map(({ _id }) => _id) } });
  return rows.length === SLICE;
}
