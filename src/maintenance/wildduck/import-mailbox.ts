/**
 * The messages of one mailbox: those that are missing here are brought, of the others flags and MODSEQ are made equal,
 * and those that WildDuck does not have any more are removed. So a second run brings what has changed since the first.
 */
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import { type Store, StoreFullError } from '../../store/store.ts';
import type { MessageRecord } from '../../store/transfer.ts';
import { EVERY_UID } from '../rows.ts';
import { together } from '../together.ts';
import { importMessage, stateOf } from './import-message.ts';
import type { MailboxDocument, MessageHead } from './layout.ts';
import { isConnectionLost, type WildDuck } from './source.ts';

/** Messages asked for, and written, at a time; of those that are missing, how many are read at the same time. */
const PAGE = 200;
const AT_ONCE = 8;

export interface MailboxImport {
  readonly source: WildDuck;
  readonly store: Store;
  readonly from: MailboxDocument;
  readonly to: Id;
  /** A message was looked at. */
  onMessage(): void;
  onProblem(uid: number, problem: string): void;
}

export interface ImportedMailbox {
  readonly added: number;
  /** UIDs that could not be brought. */
  readonly failed: ReadonlySet<number>;
  /** Of its messages; WildDuck's own counter may be behind. */
  readonly highestModseq: number;
}

export async function importMessages(job: MailboxImport): Promise<ImportedMailbox> {
  const { source, store, from, to } = job;
  const gone = await messagesHere(store, to);
  const failed = new Set<number>();
  let added = 0;
  let highestModseq = 1;
  for await (const heads of headPages(source, from)) {
    const records: MessageRecord[] = [];
    const missing: MessageHead[] = [];
    for (const head of heads) {
      highestModseq = Math.max(highestModseq, head.modseq);
      const here = gone.get(head.uid);
      gone.delete(head.uid);
      if (here === undefined) missing.push(head);
      else if (isChanged(here, head)) records.push({ ...here, ...stateOf(head) });
      if (here !== undefined) job.onMessage();
    }
    await together(missing, AT_ONCE, async (head) => {
      const record = await brought(job, head);
      if (record === null) failed.add(head.uid);
      else added += 1;
      if (record !== null) records.push(record);
      job.onMessage();
    });
    if (records.length > 0) await store.transfer.putMessages(to, records);
  }
  if (gone.size > 0)
    await store.transfer.removeMessages(to, [...gone.keys()], Math.max(highestModseq, from.modifyIndex));
  return { added, failed, highestModseq };
}

/**
 * In the order of UIDs, each once, as WildDuck's IMAP server shows them (lib/handlers/on-open.js); later messages are for
 * the next run. Each page is a query of its own: a cursor would time out while its messages are brought.
 */
export async function* headPages(
  { main }: WildDuck,
  { _id, uidNext }: MailboxDocument,
): AsyncGenerator<readonly MessageHead[]> {
  for (let last = 0; ; ) {
    const page = await main
      .collection('messages')
      .find<MessageHead>(
        { mailbox: _id, uid: { $gt: last, $lt: uidNext } },
        { projection: { uid: true, modseq: true, flags: true, idate: true } },
      )
      .sort({ uid: 1 })
      .limit(PAGE)
      .toArray();
    if (page.length === 0) return;
    yield page.filter(({ uid }, i) => uid !== page[i - 1]?.uid);
    last = page.at(-1)?.uid ?? uidNext;
  }
}

async function messagesHere({ mailboxes }: Store, mailbox: Id): Promise<Map<number, MessageRow>> {
  const here = new Map<number, MessageRow>();
  for await (const rows of mailboxes.rows(mailbox, EVERY_UID, {})) for (const row of rows) here.set(row.uid, row);
  return here;
}

async function brought(job: MailboxImport, head: MessageHead): Promise<MessageRecord | null> {
  try {
    const imported = await importMessage(job.source, job.store, job.from._id, head);
    if (imported === null) return null;
    if (imported.missing > 0)
      job.onProblem(
        head.uid,
        `WildDuck has lost ${imported.missing} of its attachments; it was brought without them, as WildDuck sends it`,
      );
    return imported.record;
  } catch (error) {
    if (error instanceof StoreFullError || isConnectionLost(error)) throw error;
    job.onProblem(head.uid, messageOf(error));
    return null;
  }
}

export function isChanged(here: MessageRow, head: MessageHead): boolean {
  const { modseq, flags } = stateOf(head);
  return here.modseq !== modseq || flagSet(here.flags) !== flagSet(flags);
}

const flagSet = (flags: readonly string[]): string =>
  [...new Set(flags.map((flag) => flag.toLowerCase()))].sort().join(' ');
