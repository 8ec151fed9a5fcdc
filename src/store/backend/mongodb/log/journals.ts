/** Operations leave the journals of their mailboxes when they are in the rows and nobody looks for them any more. */
import type { Database } from '../database/database.ts';
import { type Operation, oneMailbox, someMailboxes } from '../database/documents.ts';
import { slices } from '../database/references.ts';
import { purgeRows } from './purge.ts';

/** Mailboxes per command. */
const SLICE = 500;

export interface Finished {
  readonly mailbox: string;
  readonly operations: readonly Operation[];
}

/**
 * The parts of an operation go before it: without it nobody would find them. Rows that were brought into a mailbox after
 * it had been emptied and removed are removed again.
 */
export async function removeOperations(database: Database, finished: readonly Finished[]): Promise<void> {
  const parts = finished.flatMap(({ operations }) =>
    operations.flatMap((operation) => (operation.kind === 'batch' ? operation.parts : [])),
  );
  if (parts.length > 0) await database.parts.deleteMany({ _id: { $in: parts } });
  for (const some of slices(finished, SLICE)) {
    const { matchedCount } = await database.mailboxes.bulkWrite(
      some.map(({ mailbox, operations }) => ({
        updateOne: {
          filter: oneMailbox(mailbox),
          update: { $pull: { journal: { id: { $in: operations.map(({ id }) => id) } } }, $inc: { tidied: 1 } },
        },
      })),
      { ordered: false },
    );
    if (matchedCount < some.length)
      await removeStrays(
        database,
        some.map(({ mailbox }) => mailbox),
      );
  }
}

async function removeStrays(database: Database, mailboxes: readonly string[]): Promise<void> {
  const found = await database.mailboxes
    .find(someMailboxes(mailboxes), { projection: { _id: 1 }, batchSize: SLICE + 1 })
    .toArray();
  const there = new Set(found.map(({ _id }) => _id));
  for (const mailbox of mailboxes)
    if (!there.has(mailbox)) for await (const _ of purgeRows(database, mailbox, { kept: 'stay' }));
}
