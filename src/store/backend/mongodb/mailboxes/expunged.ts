/**
 * Expunged messages that are kept (store/expunged.ts): rows whose `gone` says so. Nothing moves: the same update that
 * expunges a row keeps it.
 *
 * Bringing back is a copy whose originals are such rows (copy.ts). They are claimed first, by the name of its intent, so
 * that of two that bring back the same message one does; and they are released when the new rows are durable, by this
 * process or by whoever takes the intent over.
 */
import type { Id } from '../../../../mail/account.ts';
import type { Expunged, ExpungedMessage } from '../../../expunged.ts';
import { DELETED, listFlags } from '../../flags.ts';
import type { Context } from '../context.ts';
import {
  accountOfMailbox,
  type CopyIntent,
  type Kept,
  keysUnder,
  type MessageDocument,
  ROW_COLUMNS,
  uidValidityOfMailbox,
} from '../database/documents.ts';
import { newId } from '../log/mailbox-state.ts';
import { carryOut, type Source } from './copy.ts';
import { dropKept, FREE } from './kept-rows.ts';
import type { Tree } from './tree.ts';

/** Rows that a caller gets at a time. */
const SLICE = 500;

type KeptRow = Omit<MessageDocument, 'gone'> & { readonly gone: Kept };

export function createExpunged(context: Context, tree: Tree): Expunged {
  return {
    keepFor(ms) {
      context.retention.ms = ms;
      dropKept(context).catch((error: unknown) => context.log.debug({ err: error }, 'expunged messages go later'));
    },
    list: (account) => listKept(context, tree, String(account)),
    restore: (messages, mailbox) => restore(context, messages, String(mailbox)),
  };
}

async function* listKept(context: Context, tree: Tree, account: string): AsyncIterable<readonly ExpungedMessage[]> {
  const { database, mailboxes } = context;
  // What was decided is in the rows then.
  const all = await database.mailboxes.find({ account }, { batchSize: 10_001 }).toArray();
  for (const { _id } of all.filter(({ removed }) => removed === true)) await tree.purgeAll(_id);
  await mailboxes.bringIn(all.filter(({ removed }) => removed !== true));
  const found = database.messages.find<KeptRow>(
    { ...FREE, _id: keysUnder(account) },
    { sort: { _id: 1 }, hint: { _id: 1 }, batchSize: SLICE },
  );
  let some: ExpungedMessage[] = [];
  for await (const row of found) {
    some.push(toMessage(row));
    if (some.length < SLICE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

const toMessage = ({ _id, mailbox, uid, gone, mask, keywords, date, prefix, content }: KeptRow): ExpungedMessage => ({
  id: _id,
  mailbox: gone.name,
  uidValidity: uidValidityOfMailbox(mailbox),
  uid,
  expungedAt: gone.kept,
  flags: listFlags(mask, keywords),
  internalDate: date,
  prefix,
  content,
});

async function restore(context: Context, messages: readonly Id[], target: string): Promise<number> {
  const { messages: rows } = context.database;
  // Of its own account only.
  const asked = messages.map(String).filter((id) => id.startsWith(`${accountOfMailbox(target)}.`));
  await context.mailboxes.current(target);
  const found = await rows
    .find({ _id: { $in: asked }, ...FREE }, { projection: { content: 1 }, batchSize: asked.length + 1 })
    .toArray();
  if (found.length === 0) return 0;
  const kept = found.map(({ _id }) => _id);
  const _id = newId();
  const contents = [...new Set(found.map(({ content }) => content))];
  const intent: CopyIntent = { _id, by: context.by, kind: 'copy', target, contents, expunge: null, kept };
  const { pairs } = await carryOut(context, intent, async () => {
    await rows.updateMany({ _id: { $in: kept }, ...FREE }, { $set: { 'gone.to': _id } });
    const own = { _id: { $in: kept }, 'gone.to': _id };
    const claimed = await rows
      .find<Source>(own, { projection: ROW_COLUMNS, sort: { _id: 1 }, batchSize: kept.length + 1 })
      .toArray();
    return claimed.map((row) => ({ ...row, mask: row.mask & ~DELETED }));
  });
  return pairs.length;
}
