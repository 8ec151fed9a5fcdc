/** Removes what nobody refers to: some of each kind at a time. */
import { dropChunks, dropSpool, refuseSpool } from '../acceptance/content.ts';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import { oneMailbox, type SpoolDocument } from '../database/documents.ts';
import { dropReferences, WAITING } from '../database/references.ts';
import { forgetCopies } from '../mailboxes/copy-takeover.ts';
import { dropKept } from '../mailboxes/kept-rows.ts';

/**
 * What was written for an acceptance that did not follow for this long, ms, was abandoned. Not as soon as its process is
 * dead: if that only stands still, the acceptance may follow when it goes on.
 */
const ABANDONED = 6 * 3600_000;
/** How long contents of a transfer wait for their rows, ms. */
const UNUSED = 3600_000;
/** How long expunged messages are remembered one by one, ms. */
const REMEMBERED = 30 * 86_400_000;
/** Documents per step. */
const SLICE = 500;

export async function sweep(context: Context): Promise<void> {
  const { database, clock } = context;
  await sweepOldSpools(database, clock() - ABANDONED);
  await sweepDrafts(database, clock() - ABANDONED);
  await forgetCopies(context, clock() - ABANDONED);
  await sweepWaiting(database, clock() - UNUSED);
  await forgetExpunges(database, clock() - REMEMBERED);
  await dropKept(context);
}

/**
 * Those that no acceptance has taken, and those that have done their work. A process that only stood still may write
 * another chunk of one that was emptied: its document is kept for sweepOldSpools, to find that chunk.
 */
export async function sweepSpoolsOf({ database }: Context, process: string): Promise<void> {
  const found = database.spools.find({ by: process, content: { $ne: '' } }, { limit: SLICE });
  for (const spool of await found.toArray()) {
    if (await isInUse(database, spool)) await database.spools.deleteOne({ _id: spool._id });
    else if (await refuseSpool(database, spool._id)) await dropChunks(database, spool._id);
  }
}

async function sweepOldSpools(database: Database, before: number): Promise<void> {
  for (const spool of await database.spools.find({ at: { $lt: before } }, { limit: SLICE }).toArray()) {
    if (await isInUse(database, spool)) await database.spools.deleteOne({ _id: spool._id });
    else if (spool.content !== null || (await refuseSpool(database, spool._id))) await dropSpool(database, spool._id);
  }
}

/** Whether a content has its chunks now: it does not need the spool for them. */
const isInUse = async ({ contents }: Database, { _id, content }: SpoolDocument): Promise<boolean> =>
  content !== null && (await contents.findOne({ _id: content, chunks: _id }, { projection: { _id: 1 } })) !== null;

/** Queue items of messages that were not accepted. */
async function sweepDrafts(database: Database, before: number): Promise<void> {
  const drafts = await database.queue.find({ draft: { $lt: before } }, { limit: SLICE }).toArray();
  for (const { _id, content } of drafts) {
    const accepted = (await database.contents.findOne({ _id: content }, { projection: { _id: 1 } })) !== null;
    if (!accepted) await database.queue.deleteOne({ _id, draft: { $exists: true } });
  }
}

/** Contents of a transfer whose rows never came. */
async function sweepWaiting(database: Database, before: number): Promise<void> {
  const found = await database.contents
    .find({ waiting: { $lt: before } }, { projection: { _id: 1 }, limit: SLICE })
    .toArray();
  await dropReferences(
    database,
    found.map(({ _id }) => ({ content: _id, ref: WAITING })),
  );
}

/** Before a row is forgotten its mailbox says so: `changes` then answers with all UIDs that are not there. */
async function forgetExpunges(database: Database, before: number): Promise<void> {
  const old = await database.messages
    .find({ gone: { $lt: before } }, { projection: { mailbox: 1, modseq: 1 }, limit: SLICE * 10 })
    .toArray();
  const forgotten = new Map<string, number>();
  for (const { mailbox, modseq } of old) forgotten.set(mailbox, Math.max(modseq, forgotten.get(mailbox) ?? 0));
  for (const [mailbox, modseq] of forgotten)
    await database.mailboxes.updateOne(oneMailbox(mailbox), { $max: { forgotten: modseq } });
  if (old.length > 0) await database.messages.deleteMany({ _id: { $in: old.map(({ _id }) => _id) } });
}
