/** Inserts rows of messages: those of deliveries to many mailboxes go together. */
import { Batches } from '../database/batches.ts';
import type { Database } from '../database/database.ts';
import type { MessageDocument } from '../database/documents.ts';
import { insertMissing } from '../database/insert.ts';

/** Rows of one mailbox, of which some may be there already. */
export type RowInserts = Batches<readonly MessageDocument[], null>;

export const createRowInserts = ({ messages }: Database): RowInserts =>
  new Batches<readonly MessageDocument[], null>(
    async (groups) => {
      await insertMissing(messages, groups.flat());
      return groups.map(() => null);
    },
    { most: 500, atOnce: 4, octets: (rows) => rows.reduce((sum, { prefix }) => sum + 300 + prefix.length, 0) },
  );
