/**
 * What becomes of a COPY or MOVE whose process died, or of which this process does not know how it ended.
 *
 *   1  the intent says that it is judged: its process, which asks whenever it finds a mailbox changed, does nothing more
 *   2  the target is fenced: what its process decided before it asked cannot enter the journal any more
 *   3  the verdict, whether the rows are there, is written into the intent, once for all
 *   4  made: the originals of a MOVE are expunged, those that are brought back are released; not made: the references
 *      are taken back
 *   5  the intent has ended, and is kept for some hours: its process may only have stood still
 *
 * What references and parts it adds nevertheless are taken back when the intent goes. Operations stay in the journals
 * until the intent has ended.
 */
import { parseUids } from '../../ranges.ts';
import type { Context } from '../context.ts';
import type { CopyIntent, MailboxDocument } from '../database/documents.ts';
import { dropReferences, removeUnreferenced, slices } from '../database/references.ts';
import { TakenOverError } from '../log/taken-over.ts';
import { releaseClaimed, unclaim } from './kept-rows.ts';
import { expungeMoved, type Pair } from './move.ts';
import type { Part } from './targets.ts';

export async function finishCopy(context: Context, intent: CopyIntent): Promise<void> {
  const { intents } = context.database;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const part: Part = {
    until: ended.promise,
    held: { since: performance.now(), check: () => isOpen(context, intent._id) },
  };
  try {
    await intents.updateOne({ _id: intent._id }, { $set: { judged: true } });
    const target = await context.mailboxes.fence(intent.target);
    const verdict = await judge(context, intent._id, target !== null && isIn(target, intent._id));
    if (verdict === 'not made') await takeBack(context, intent);
    else if (verdict === 'made' && target !== null && intent.expunge !== null)
      await expungeMoved(context, intent, await pairsOf(context, intent, target), part);
    if (verdict === 'made') await releaseClaimed(context.database, intent);
    if (intent.by === context.by) await intents.deleteOne({ _id: intent._id });
    else await intents.updateOne({ _id: intent._id, ended: { $exists: false } }, { $set: { ended: context.clock() } });
    ended.resolve();
  } catch (error) {
    ended.reject(error);
    // Another one finishes it too, and was first.
    if (!(error instanceof TakenOverError)) throw error;
  }
}

const isOpen = async ({ database }: Context, intent: string): Promise<boolean> =>
  (await database.intents.findOne({ _id: intent, ended: { $exists: false } }, { projection: { _id: 1 } })) !== null;

/** Null if there is nothing left to do. */
async function judge(
  { database: { intents } }: Context,
  intent: string,
  isMade: boolean,
): Promise<CopyIntent['verdict'] | null> {
  await intents.updateOne(
    { _id: intent, verdict: { $exists: false } },
    { $set: { verdict: isMade ? 'made' : 'not made' } },
  );
  const found = await intents.findOne({ _id: intent });
  return found?.kind === 'copy' && found.ended === undefined ? found.verdict : null;
}

/** Of a copy that cannot be made: the target is gone, or refuses. */
export async function undo(context: Context, intent: CopyIntent): Promise<void> {
  const { intents } = context.database;
  const { modifiedCount } = await intents.updateOne(
    { _id: intent._id, judged: { $exists: false } },
    { $set: { verdict: 'not made' } },
  );
  if (modifiedCount === 0) throw new TakenOverError();
  await takeBack(context, intent);
  await intents.deleteOne({ _id: intent._id });
}

/** After some hours: with what a process may have added that did not know of the verdict. */
export async function forgetCopies(context: Context, before: number): Promise<void> {
  for (const intent of await context.database.intents.find({ ended: { $lt: before } }).toArray()) {
    if (intent.kind !== 'copy') continue;
    if (intent.verdict === 'not made') await takeBack(context, intent);
    await context.database.intents.deleteOne({ _id: intent._id });
  }
}

async function takeBack({ database }: Context, intent: CopyIntent): Promise<void> {
  for (const contents of slices(intent.contents, 1000)) {
    const found = await database.contents
      .find({ _id: { $in: contents } }, { projection: { refs: 1 }, batchSize: 1001 })
      .toArray();
    await dropReferences(
      database,
      found.flatMap(({ _id, refs }) =>
        refs.filter((ref) => ref.startsWith(`${intent._id}.`)).map((ref) => ({ content: _id, ref })),
      ),
    );
    // Those whose last reference was taken back before, when it was not finished.
    await removeUnreferenced(database, contents);
  }
  await database.parts.deleteMany({ _id: { $gt: `${intent._id}.`, $lt: `${intent._id}/` } });
  await unclaim(database, intent);
}

type Entered = Extract<MailboxDocument['journal'][number], { kind: 'append' | 'batch' }>;

/** The operations by which the copies entered the target. */
const enteredBy = ({ journal }: MailboxDocument, intent: string): Entered[] =>
  journal
    .filter((operation): operation is Entered => operation.kind === 'append' || operation.kind === 'batch')
    .filter((operation) =>
      operation.kind === 'append'
        ? operation.rows.some(({ ref }) => ref.startsWith(`${intent}.`))
        : operation.parts.some((part) => part.startsWith(`${intent}.`)),
    );

const isIn = (target: MailboxDocument, intent: string): boolean => enteredBy(target, intent).length > 0;

/** References are numbered as the originals are. */
async function pairsOf({ database }: Context, intent: CopyIntent, target: MailboxDocument): Promise<Pair[]> {
  const originals = parseUids(intent.expunge?.uids ?? '');
  const pairs: Pair[] = [];
  for (const operation of enteredBy(target, intent._id)) {
    const rows = operation.kind === 'append' ? operation.rows : await rowsOf(database, operation);
    for (const { uid, ref } of rows)
      if (ref.startsWith(`${intent._id}.`)) pairs.push([originals[Number(ref.slice(intent._id.length + 1))] ?? 0, uid]);
  }
  return pairs;
}

async function rowsOf(
  { parts }: Context['database'],
  operation: Extract<Entered, { kind: 'batch' }>,
): Promise<readonly { readonly uid: number; readonly ref: string }[]> {
  const found = new Map(
    (await parts.find({ _id: { $in: [...operation.parts] } }).toArray()).map((one) => [one._id, one]),
  );
  return operation.parts
    .flatMap((part) => found.get(part)?.rows ?? [])
    .map(({ ref }, i) => ({ uid: operation.uid + i, ref }));
}
