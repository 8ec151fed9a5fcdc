/**
 * COPY and MOVE (RFC 9051 sections 6.4.7 and 6.4.8): new rows for the same content.
 *
 *   1  an intent names the contents and the target
 *   2  each content gets a reference for its new row
 *   3  the rows enter the target's journal: the copy is done
 *   4  MOVE: the originals are expunged (move.ts). Bringing back: they are released (expunged.ts)
 *   5  the intent goes, then the operations leave the journals
 *
 * After a crash another process finishes it (copy-takeover.ts).
 */
import { MailboxError, type UidRanges } from '../../../mailboxes.ts';
import { formatUids } from '../../ranges.ts';
import type { Context } from '../context.ts';
import { type CopyIntent, type MailboxDocument, type MessageDocument, ROW_COLUMNS } from '../database/documents.ts';
import { keyFilters } from '../database/ranges.ts';
import { addReferences, slices } from '../database/references.ts';
import { type MailboxState, type NewRow, newId } from '../log/mailbox-state.ts';
import { undo } from './copy-takeover.ts';
import { releaseClaimed } from './kept-rows.ts';
import { expungeMoved, type Moved, type Pair } from './move.ts';
import type { Part, Targets } from './targets.ts';

/** More rows than this lie in documents of their own until they are in the target. */
const IN_JOURNAL = 100;
/** Rows in one such document. */
const PART = 2000;

export type Source = Pick<
  MessageDocument,
  'uid' | 'mask' | 'keywords' | 'date' | 'size' | 'sentAt' | 'content' | 'prefix'
>;

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
  const intent: CopyIntent = {
    _id: newId(),
    by: context.by,
    kind: 'copy',
    target: a.target,
    contents: [...new Set(rows.map(({ content }) => content))],
    expunge: a.move ? { mailbox: a.mailbox, uids: formatUids(rows.map(({ uid }) => uid)) } : null,
  };
  return { uidValidity: target.uidValidity, ...(await carryOut(context, intent, async () => rows)) };
}

/** `claim` gives the originals, once the intent is there. */
export async function carryOut(
  context: Context,
  intent: CopyIntent,
  claim: () => Promise<readonly Source[]>,
): Promise<Moved> {
  const { database } = context;
  const { _id: id, target } = intent;
  context.running.add(id);
  const finished = Promise.withResolvers<void>();
  finished.promise.catch(() => {});
  const part: Part = {
    until: finished.promise,
    held: { since: performance.now(), check: () => isOwn(context, id) },
  };
  try {
    await database.intents.insertOne(intent);
    const rows = await claim();
    const references = rows.map(({ content }, i) => ({ content, ref: copyRef(id, i) }));
    const missing = await addReferences(database, references);
    // Expunged by someone else in the meantime.
    const left = rows.map((row, i) => ({ row, ref: copyRef(id, i) })).filter(({ row }) => !missing.has(row.content));
    const uids =
      left.length === 0
        ? []
        : await append(context, target, id, left, part).catch(async (error: unknown) => {
            // The target is gone, or refuses.
            if (error instanceof MailboxError) await undo(context, intent);
            throw error;
          });
    const copied = left.map(({ row }, i): Pair => [row.uid, uids[i] ?? 0]);
    const moved =
      intent.expunge === null ? { pairs: copied, modseq: 0 } : await expungeMoved(context, intent, copied, part);
    await releaseClaimed(database, intent);
    await database.intents.deleteOne({ _id: id });
    finished.resolve();
    return moved;
  } catch (error) {
    finished.reject(error);
    throw error;
  } finally {
    context.running.delete(id);
  }
}

const isOwn = async ({ database, by }: Context, intent: string): Promise<boolean> =>
  (await database.intents.findOne({ _id: intent, by, judged: { $exists: false } }, { projection: { _id: 1 } })) !==
  null;

async function append(
  context: Context,
  target: string,
  id: string,
  left: readonly { readonly row: Source; readonly ref: string }[],
  part: Part,
): Promise<readonly number[]> {
  if (left.length <= IN_JOURNAL) {
    const { result } = await context.mailboxes.change(target, {
      needs: null,
      ...part,
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
    const { result } = await context.mailboxes.change(target, {
      needs: null,
      ...part,
      act(state) {
        const fits = rows.every(
          ({ keywords }) => keywords === '' || state.spell(keywords.split(' ')).join(' ') === keywords,
        );
        return fits ? state.appendParts(rows, parts).uids : null;
      },
    });
    if (result !== null) return result;
  }
}

async function writeParts(context: Context, parts: readonly string[], rows: readonly NewRow[]): Promise<void> {
  for (const [i, some] of [...slices(rows, PART)].entries())
    await context.database.parts.replaceOne({ _id: parts[i] ?? '' }, { rows: some }, { upsert: true });
}

const copyRef = (intent: string, number: number): string => `${intent}.${number}`;

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
        projection: ROW_COLUMNS,
        sort: { _id: 1 },
        batchSize: 5000,
      },
    );
    for await (const row of found) rows.push(row);
  }
  return rows;
}
