/**
 * Brings operations of a mailbox's journal into its rows. May be done several times, by several processes at once, and
 * late: a row is inserted once (an expunged one keeps its `_id`), and flags only replace those of a lower MODSEQ.
 */
import type { AnyBulkWriteOperation } from 'mongodb';
import { parseUids } from '../../ranges.ts';
import type { Database } from '../database/database.ts';
import {
  type JournalRow,
  type MessageDocument,
  messageKey,
  NO_MESSAGE,
  type Operation,
  type PartDocument,
} from '../database/documents.ts';
import { dropReferences, slices } from '../database/references.ts';
import type { RowInserts } from './row-inserts.ts';

/** Rows per command. */
const SLICE = 1000;

export interface Applying {
  readonly database: Database;
  readonly inserts: RowInserts;
}

type OfKind<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>;
type Apply<Kind extends Operation['kind']> = (
  tools: Applying,
  mailbox: string,
  operation: OfKind<Kind>,
) => Promise<void>;

const APPLY: { readonly [Kind in Operation['kind']]: Apply<Kind> } = {
  append: ({ inserts }, mailbox, { rows }) => insertRows(inserts, mailbox, rows),
  async batch({ database, inserts }, mailbox, { uid, m, parts }) {
    const found = await database.parts.find({ _id: { $in: [...parts] } }).toArray();
    const byId = new Map<string, PartDocument>(found.map((part) => [part._id, part]));
    // Parts are removed when the operation was applied.
    if (byId.size < parts.length) return;
    const rows = parts.flatMap((part) => byId.get(part)?.rows ?? []);
    const modseq = m - rows.length + 1;
    await insertRows(
      inserts,
      mailbox,
      rows.map((row, i) => ({ ...row, uid: uid + i, modseq: modseq + i })),
    );
  },
  async flags({ database }, mailbox, { groups, m }) {
    const updates: AnyBulkWriteOperation<MessageDocument>[] = [];
    for (const { mask, keywords, uids } of groups)
      for (const some of slices(parseUids(uids), SLICE))
        updates.push({
          updateMany: {
            filter: {
              _id: { $in: some.map((uid) => messageKey(mailbox, uid)) },
              gone: { $exists: false },
              modseq: { $lt: m },
            },
            update: { $set: { mask, keywords, modseq: m } },
          },
        });
    for (const some of slices(updates, 100)) await database.messages.bulkWrite(some, { ordered: false });
  },
  async expunge({ database }, mailbox, { uids, m, keep }) {
    for (const some of slices(parseUids(uids), SLICE)) {
      const filter = { _id: { $in: some.map((uid) => messageKey(mailbox, uid)) }, gone: { $exists: false } };
      if (keep !== undefined) {
        await database.messages.updateMany(filter, { $set: { gone: keep, modseq: m } });
        continue;
      }
      const rows = await database.messages
        .find(filter, { projection: { content: 1, ref: 1 }, batchSize: SLICE })
        .toArray();
      if (rows.length === 0) continue;
      // The rows name the references until these are dropped.
      await dropReferences(database, rows);
      await database.messages.updateMany(filter, {
        $set: { gone: Date.now(), modseq: m },
        $unset: NO_MESSAGE,
      });
    }
  },
};

/** In the order of their MODSEQs. */
export async function applyOperations(
  tools: Applying,
  mailbox: string,
  operations: readonly Operation[],
): Promise<void> {
  // Deliveries that come together are inserted together.
  let rows: JournalRow[] = [];
  for (const operation of operations) {
    if (operation.kind === 'append') {
      rows.push(...operation.rows);
      continue;
    }
    await insertRows(tools.inserts, mailbox, rows);
    rows = [];
    await (APPLY[operation.kind] as Apply<Operation['kind']>)(tools, mailbox, operation as never);
  }
  await insertRows(tools.inserts, mailbox, rows);
}

async function insertRows(inserts: RowInserts, mailbox: string, rows: readonly JournalRow[]): Promise<void> {
  for (const some of slices(rows, SLICE))
    await inserts.add(some.map((row) => ({ _id: messageKey(mailbox, row.uid), mailbox, ...row })));
}
