/** Rows of expunged messages that are kept: what becomes of them (expunged.ts). Each step may be repeated. */
import type { Filter } from 'mongodb';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import { type CopyIntent, type MessageDocument, NO_MESSAGE, someMailboxes } from '../database/documents.ts';
import { dropReferences, slices } from '../database/references.ts';

/** Rows per command, and commands per round. */
const SLICE = 1000;
const ROUND = 5;

/** Kept, and nobody is bringing it back. */
export const FREE = { 'gone.kept': { $exists: true }, 'gone.to': { $exists: false } } as const;

/** Some of those whose time is over. */
export async function dropKept({ database, retention, clock }: Context): Promise<void> {
  if (retention.ms === null) return;
  const until = { 'gone.kept': { $lte: clock() - retention.ms }, 'gone.to': { $exists: false } };
  for (let steps = 0; steps < ROUND; steps += 1) if (!(await release(database, until))) return;
}

/** Whoever keeps them. */
export async function releaseKept(database: Database, ids: readonly string[]): Promise<void> {
  for (const some of slices(ids, SLICE)) await release(database, { ...FREE, _id: { $in: some } });
}

/** Of a copy that was made. */
export async function releaseClaimed(database: Database, { _id, kept }: CopyIntent): Promise<void> {
  if (kept === undefined) return;
  while (await release(database, { _id: { $in: [...kept] }, 'gone.to': _id }));
}

/** Of a copy that was not made: somebody else may bring them back. */
export async function unclaim({ messages }: Database, { _id, kept }: CopyIntent): Promise<void> {
  if (kept === undefined) return;
  await messages.updateMany({ _id: { $in: [...kept] }, 'gone.to': _id }, { $unset: { 'gone.to': '' } });
}

/** They are expunged for good now; those of a mailbox that is gone are not remembered. Returns whether there are more. */
async function release(database: Database, among: Filter<MessageDocument>): Promise<boolean> {
  const rows = await database.messages
    .find(among, { projection: { mailbox: 1, content: 1, ref: 1 }, limit: SLICE, batchSize: SLICE + 1 })
    .toArray();
  if (rows.length === 0) return false;
  // The rows name the references until these are dropped.
  await dropReferences(database, rows);
  const mailboxes = [...new Set(rows.map(({ mailbox }) => mailbox))];
  const present = await database.mailboxes
    .find(someMailboxes(mailboxes), { projection: { _id: 1 }, batchSize: SLICE + 1 })
    .toArray();
  const there = new Set(present.map(({ _id }) => _id));
  const keysOf = (some: typeof rows) => ({ ...among, _id: { $in: some.map(({ _id }) => _id) } });
  const remembered = rows.filter(({ mailbox }) => there.has(mailbox));
  const others = rows.filter(({ mailbox }) => !there.has(mailbox));
  await database.messages.updateMany(keysOf(remembered), { $set: { gone: Date.now() }, $unset: NO_MESSAGE });
  if (others.length > 0) await database.messages.deleteMany(keysOf(others));
  return rows.length === SLICE;
}
