/**
 * COPY and MOVE (RFC 9051 sections 6.4.7 and 6.4.8): new rows for the same content.
 *
 *   1  an intent names the contents and the target
 *   2  each content gets a reference for its new row
 *   3  the rows enter the target's journal: the copy is done
 *   4  MOVE: the originals are expunged
 *   5  the intent goes, then the operation leaves the journal
 *
 * After a crash the intent is found by another process: if the target's journal has the rows, 4 is done, otherwise the
 * references are taken back.
 */
import { MailboxError, type UidRanges } from '../../mailboxes.ts';
import { formatUids, parseUids } from '../ranges.ts';
import type { Context } from './context.ts';
import type { IntentDocument, MailboxDocument, MessageDocument } from './documents.ts';
import { type MailboxState, type NewRow, newId } from './mailbox-state.ts';
import { keyFilters } from './ranges.ts';
import { addReferences, dropReferences, slices } from './references.ts';
import type { Targets } from './targets.ts';

/** More rows than this lie in documents of their own until they are in the target. */
const IN_JOURNAL = 100;
/** Rows in one such document. */
const PART = 2000;

type Source = Pick<MessageDocument, 'uid' | 'mask' | 'keywords' | 'date' | 'size' | 'sentAt' | 'content' | 'prefix'>;
type CopyIntent = Extract<IntentDocument, { kind: 'copy' }>;

export interface CopyResult {
  readonly uidValidity: number;
  readonly pairs: readonly (readonly [number, number])[];
  /** Of the source, after a move. */
  readonly modseq: number;
}

export async function copy(
  context: Context,
  targets: Targets,
  a: { readonly mailbox: string; readonly uids: UidRanges; readonly target: string; readonly move: boolean },
): Promise<CopyResult> {
  const { mailboxes } = context;
  const [source, target] = await Promise.all([
    mailboxes.current(a.mailbox),
    mailboxes.current(a.target).catch((error: unknown) => {
      throw error instanceof MailboxError
        ? new MailboxError('nonexistent', 'the target mailbox does not exist')
        : error;
    }),
  ]);
  const rows = await readRows(context, a.mailbox, a.uids);
  if (rows.length === 0) return { uidValidity: target.uidValidity, pairs: [], modseq: source.modseq };
  // A move within the account needs no additional space.
  if (!(a.move && source.account === target.account))
    await targets.checkQuota(
      target.account,
      rows.reduce((sum, { size }) => sum + size, 0),
    );
  return carryOut(context, a, rows, target.uidValidity);
}

async function carryOut(
  context: Context,
  a: { readonly mailbox: string; readonly target: string; readonly move: boolean },
  rows: readonly Source[],
  uidValidity: number,
): Promise<CopyResult> {
  const { database } = context;
  const id = newId();
  const intent: CopyIntent = {
    _id: id,
    by: context.by,
    kind: 'copy',
    target: a.target,
    contents: [...new Set(rows.map(({ content }) => content))],
    expunge: a.move ? { mailbox: a.mailbox, uids: formatUids(rows.map(({ uid }) => uid)) } : null,
  };
  context.running.add(id);
  await database.intents.insertOne(intent);
  const finished = Promise.withResolvers<void>();
  finished.promise.catch(() => {});
  try {
    const references = rows.map(({ content }, i) => ({ content, ref: copyRef(id, i) }));
    const missing = await addReferences(database, references);
    // Expunged by someone else in the meantime.
    const left = rows.map((row, i) => ({ row, ref: copyRef(id, i) })).filter(({ row }) => !missing.has(row.content));
    const uids = await append(context, a.target, id, left, finished.promise);
    const copied = left.map(({ row }, i): [number, number] => [row.uid, uids[i] ?? 0]);
    const { pairs, modseq } = a.move ? await expungeMoved(context, a, copied) : { pairs: copied, modseq: 0 };
    await database.intents.deleteOne({ _id: id });
    finished.resolve();
    return { uidValidity, pairs, modseq };
  } catch (error) {
    finished.reject(error);
    if (error instanceof MailboxError) await undo(context, intent).catch(() => {});
    throw error;
  } finally {
    context.running.delete(id);
  }
}

async function append(
  context: Context,
  target: string,
  id: string,
  left: readonly { readonly row: Source; readonly ref: string }[],
  until: Promise<void>,
): Promise<readonly number[]> {
  if (left.length <= IN_JOURNAL) {
    const { result } = await context.mailboxes.change(target, {
      needs: null,
      until,
      act: (state) => state.append(left.map(({ row, ref }) => copied(state, row, ref))).uids,
    });
    return result;
  }
  // The keywords are spelled as the target has them, which is known only when it is changed: parts are written before.
  const parts = Array.from({ length: Math.ceil(left.length / PART) }, (_, i) => `${id}.${i}`);
  for (;;) {
    const spelled = spelledBy(await context.mailboxes.current(target));
    const rows = left.map(({ row, ref }) => ({ ...copiedAs(row, ref), keywords: spelled(row.keywords) }));
    await writeParts(context, parts, rows);
    const { result, applied } = await context.mailboxes.change(target, {
      needs: null,
      until,
      act(state) {
        const fits = rows.every(
          ({ keywords }) => keywords === '' || state.spell(keywords.split(' ')).join(' ') === keywords,
        );
        return fits ? state.appendParts(rows, parts).uids : null;
      },
    });
    if (result === null) continue;
    await applied;
    await context.database.parts.deleteMany({ _id: { $in: parts } });
    return result;
  }
}

async function writeParts(context: Context, parts: readonly string[], rows: readonly NewRow[]): Promise<void> {
  for (const [i, some] of [...slices(rows, PART)].entries())
    await context.database.parts.replaceOne({ _id: parts[i] ?? '' }, { rows: some }, { upsert: true });
}

/**
 * The originals. Those that somebody else expunged or moved meanwhile were not moved: their copies go, so that of two
 * sessions that move a message at the same time one has moved it.
 */
async function expungeMoved(
  context: Context,
  { mailbox, target }: { readonly mailbox: string; readonly target: string },
  copied: readonly (readonly [number, number])[],
): Promise<Pick<CopyResult, 'pairs' | 'modseq'>> {
  const { uids, modseq } = await expungeUids(
    context,
    mailbox,
    copied.map(([uid]) => uid),
  );
  if (uids.length === copied.length) return { pairs: copied, modseq };
  const moved = new Set(uids);
  const lost = copied.filter(([uid]) => !moved.has(uid)).map(([, copy]) => copy);
  await expungeUids(context, target, lost);
  return { pairs: copied.filter(([uid]) => moved.has(uid)), modseq };
}

/** Returns those that it found, and the mailbox's MODSEQ. */
async function expungeUids(
  context: Context,
  mailbox: string,
  gone: readonly number[],
): Promise<{ readonly uids: readonly number[]; readonly modseq: number }> {
  const uids = gone.map((uid): readonly [number, number] => [uid, uid]);
  const { result, applied } = await context.mailboxes.change(mailbox, {
    needs: uids,
    act(state) {
      const rows = state.among(uids);
      if (rows.length > 0) state.expunge(rows);
      return { uids: rows.map(({ uid }) => uid), modseq: state.modseq };
    },
  });
  await applied;
  return result;
}

/** An intent of a process that died, or of this one. */
export async function finishCopy(context: Context, intent: CopyIntent): Promise<void> {
  const target = await context.mailboxes.current(intent.target).catch((error: unknown) => {
    if (error instanceof MailboxError) return null;
    throw error;
  });
  const done = target?.journal.some((operation) => isOf(operation, intent._id)) ?? false;
  if (!done) return undo(context, intent);
  if (intent.expunge !== null) {
    const { mailbox, uids } = intent.expunge;
    await expungeUids(context, mailbox, parseUids(uids)).catch((error: unknown) => {
      if (!(error instanceof MailboxError)) throw error;
    });
  }
  await context.database.intents.deleteOne({ _id: intent._id });
}

/** The copy was not made. */
async function undo(context: Context, intent: CopyIntent): Promise<void> {
  const { database } = context;
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
  }
  await database.parts.deleteMany({ _id: { $gt: `${intent._id}.`, $lt: `${intent._id}/` } });
  await database.intents.deleteOne({ _id: intent._id });
}

const copyRef = (intent: string, number: number): string => `${intent}.${number}`;

/** Whether the operation is the copy of this intent. */
const isOf = (operation: MailboxDocument['journal'][number], intent: string): boolean =>
  (operation.kind === 'append' && operation.rows.some(({ ref }) => ref.startsWith(`${intent}.`))) ||
  (operation.kind === 'batch' && operation.parts.some((part) => part.startsWith(`${intent}.`)));

const copiedAs = ({ uid: _uid, ...row }: Source, ref: string): NewRow => ({ ...row, ref });

const copied = (state: MailboxState, row: Source, ref: string): NewRow => ({
  ...copiedAs(row, ref),
  keywords: row.keywords === '' ? '' : state.spell(row.keywords.split(' ')).join(' '),
});

/** Keywords that the mailbox does not know keep their spelling. */
function spelledBy({ keywords }: MailboxDocument): (words: string) => string {
  const known = new Map(keywords.map((keyword) => [keyword.toLowerCase(), keyword]));
  return (words) => {
    if (words === '') return '';
    for (const word of words.split(' ')) if (!known.has(word.toLowerCase())) known.set(word.toLowerCase(), word);
    return [...new Set(words.split(' ').map((word) => known.get(word.toLowerCase()) ?? word))].join(' ');
  };
}

async function readRows({ database }: Context, mailbox: string, uids: UidRanges): Promise<Source[]> {
  const rows: Source[] = [];
  for (const filter of keyFilters(mailbox, uids)) {
    const found = database.messages.find<Source>(
      { ...filter, gone: { $exists: false } },
      {
        projection: { _id: 0, uid: 1, mask: 1, keywords: 1, date: 1, size: 1, sentAt: 1, content: 1, prefix: 1 },
        sort: { _id: 1 },
        batchSize: 5000,
      },
    );
    for await (const row of found) rows.push(row);
  }
  return rows;
}
