/**
 * Updates of mailbox documents that hold only if nobody has changed them: the MODSEQ is the expected one, and no operation
 * has left the journal since it was read. Deliveries to many mailboxes share one command.
 */
import { Batches } from '../database/batches.ts';
import type { Database } from '../database/database.ts';
import { type MailboxDocument, oneMailbox, someMailboxes } from '../database/documents.ts';

export interface Exchange {
  readonly mailbox: string;
  /** What the document must have. */
  readonly expected: Pick<MailboxDocument, 'modseq' | 'tidied'>;
  readonly set: Partial<MailboxDocument>;
  /** An operation among those that are set: shows afterwards whether it was done. */
  readonly operation: string;
}

/** False if another process was first. Rejects if that is not known. */
export type CompareAndSet = (exchange: Exchange) => Promise<boolean>;

export function createCompareAndSet(database: Database): CompareAndSet {
  const batches = new Batches<Exchange, boolean>((exchanges) => send(database, exchanges), {
    most: 500,
    atOnce: 4,
    octets: ({ set }) => (set.journal?.length ?? 0) * 1000,
  });
  return (exchange) => batches.add(exchange);
}

async function send(database: Database, exchanges: readonly Exchange[]): Promise<readonly boolean[]> {
  const { matchedCount } = await database.mailboxes.bulkWrite(
    exchanges.map(({ mailbox, expected, set }) => ({
      updateOne: {
        filter: { ...oneMailbox(mailbox), modseq: expected.modseq, tidied: expected.tidied },
        update: { $set: set },
      },
    })),
    { ordered: false },
  );
  if (matchedCount === exchanges.length) return exchanges.map(() => true);
  if (matchedCount === 0) return exchanges.map(() => false);
  // The answer says how many were first, the journals say which.
  const found = await database.mailboxes
    .find(someMailboxes(exchanges.map(({ mailbox }) => mailbox)), {
      projection: { 'journal.id': 1 },
      batchSize: exchanges.length,
    })
    .toArray();
  const done = new Set(found.flatMap(({ journal }) => journal.map(({ id }) => id)));
  return exchanges.map(({ operation }) => done.has(operation));
}
