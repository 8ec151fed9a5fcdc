/** The rows of a mailbox that does not exist any more, or of an account: removed, or kept where that was decided. */
import type { Database } from '../database/database.ts';
import type { Kept } from '../database/documents.ts';
import { dropReferences } from '../database/references.ts';

/** Rows per command. */
const SLICE = 1000;

/** `kept`: those that are kept already go too. */
export type Fate = { readonly keep: Kept } | { readonly kept: 'stay' | 'go' };

/** Of all rows whose ids begin with `prefix` and a dot; stops after each thousand. May be repeated. */
export async function* purgeRows(database: Database, prefix: string, fate: Fate): AsyncGenerator<void> {
  const among = 'kept' in fate && fate.kept === 'go' ? {} : { 'gone.kept': { $exists: false } };
  for (let after = `${prefix}.`; ; ) {
    const rows = await database.messages
      .find(
        { ...among, _id: { $gt: after, $lt: `${prefix}/` } },
        { projection: { content: 1, ref: 1 }, sort: { _id: 1 }, limit: SLICE, batchSize: SLICE + 1 },
      )
      .toArray();
    const live = rows.filter((row) => row.content !== undefined);
    const keeps = 'keep' in fate;
    if (keeps && live.length > 0)
      await database.messages.updateMany(
        { _id: { $in: live.map(({ _id }) => _id) }, gone: { $exists: false } },
        { $set: { gone: fate.keep } },
      );
    else await dropReferences(database, live);
    const over = keeps ? rows.filter((row) => row.content === undefined) : rows;
    if (over.length > 0) await database.messages.deleteMany({ _id: { $in: over.map(({ _id }) => _id) } });
    if (rows.length < SLICE) return;
    after = rows.at(-1)?._id ?? after;
    yield;
  }
}
