/**
 * Compares a mailbox of the store with WildDuck's: which messages there are, their flags, MODSEQs and dates; and each
 * content with the digest that it was named by when it was read from WildDuck.
 */
import type { Id } from '../../mail/account.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import { isIntact } from '../imported-content.ts';
import { EVERY_UID } from '../rows.ts';
import { headPages, isChanged } from './import-mailbox.ts';
import { queueIdOf, stateOf } from './import-message.ts';
import type { MailboxDocument, MessageHead } from './layout.ts';
import type { WildDuck } from './source.ts';

export interface Verification {
  readonly source: WildDuck;
  readonly store: Store;
  readonly from: MailboxDocument;
  readonly to: Id;
  /** UIDs that could not be brought, which has been said. */
  readonly failed: ReadonlySet<number>;
  /** Contents that were compared already. */
  readonly verified: Set<Id>;
  onProblem(uid: number, problem: string): void;
}

export async function verifyMailbox(job: Verification): Promise<{ messages: number; octets: number }> {
  const theirs = new Map<number, MessageHead>();
  for await (const heads of headPages(job.source, job.from)) for (const head of heads) theirs.set(head.uid, head);
  let messages = 0;
  let octets = 0;
  for await (const rows of job.store.mailboxes.rows(job.to, EVERY_UID, {})) {
    for (const row of rows) {
      const head = theirs.get(row.uid);
      theirs.delete(row.uid);
      messages += 1;
      octets += row.size;
      const difference = head === undefined ? 'is not in WildDuck any more' : await differenceOf(job, row, head);
      if (difference !== null) job.onProblem(row.uid, `differs after the import: ${difference}`);
    }
  }
  for (const uid of theirs.keys()) if (!job.failed.has(uid)) job.onProblem(uid, 'is not here after the import');
  return { messages, octets };
}

async function differenceOf(
  { store, verified }: Verification,
  row: MessageRow,
  head: MessageHead,
): Promise<string | null> {
  if (isChanged(row, head)) return 'its flags or MODSEQ';
  if (row.internalDate !== stateOf(head).internalDate) return 'its date';
  if (verified.has(row.content)) return null;
  if (!(await isIntact(store, row.content, queueIdOf))) return 'its octets';
  verified.add(row.content);
  return null;
}
