/** An account of WildDuck with its mailboxes. Mail that the store's account has of its own is never touched. */
import type { Account, Id } from '../../mail/account.ts';
import type { SpecialUse } from '../../mail/mailbox.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { MailboxRecord, StoredMailbox } from '../../store/transfer.ts';
import { makeRoom } from '../make-room.ts';
import { pairMailboxes } from '../pair-mailboxes.ts';
import { importMessages } from './import-mailbox.ts';
import type { MailboxDocument, UserDocument } from './layout.ts';

import type { Problem, TransferredAccount } from './report.ts';
import type { WildDuck } from './source.ts';
import { conflictIn, type TheirMailbox } from './their-mailboxes.ts';
import { verifyMailbox } from './verify.ts';

export interface AccountImport {
  readonly source: WildDuck;
  readonly store: Store;
  readonly user: UserDocument;
  readonly account: Omit<Account, 'id'>;
  readonly notes: readonly string[];
  /** Contents that were compared already. */
  readonly verified: Set<Id>;
  onMessage(): void;
  onProblem(problem: Omit<Problem, 'account'>): void;
}

/** Null if the account was not touched. */
export async function importAccount(job: AccountImport): Promise<TransferredAccount | null> {
  const { source, store, account } = job;
  const theirs = await mailboxesOf(source, job.user);
  const before = await store.directory.find(account.address);
  const here = before === null ? [] : await store.transfer.mailboxRecords(before.id);
  const pairs = pairMailboxes(theirs, here);
  const conflict = conflictIn(pairs);
  if (conflict !== null) {
    job.onProblem({ problem: `not brought: ${conflict}; "posthorn user remove" removes the account here, with it` });
    return null;
  }
  const { id } = await store.transfer.putAccount(account);
  for (const { name } of theirs) {
    const empty = [...pairs.others].find((other) => other.name === name);
    if (empty !== undefined) await makeRoom(store, empty);
  }
  const total = { messages: 0, octets: 0, added: 0, mailboxes: 0 };
  for (const from of theirs) {
    const done = await importMailbox(job, id, from.document, pairs.known.get(from));
    if (done === null) continue;
    total.mailboxes += 1;
    total.messages += done.messages;
    total.octets += done.octets;
    total.added += done.added;
  }
  return { address: account.address, ...total, notes: job.notes };
}

/** INBOX first, the others by name. */
async function mailboxesOf({ main }: WildDuck, { _id }: UserDocument): Promise<TheirMailbox[]> {
  const found = await main.collection('mailboxes').find<MailboxDocument>({ user: _id }).sort({ path: 1 }).toArray();
  return [...found.filter(({ path }) => path === 'INBOX'), ...found.filter(({ path }) => path !== 'INBOX')].map(
    (document) => ({ name: document.path, uidValidity: document.uidValidity, document }),
  );
}

/** What a mailbox may be for here. */
const USES: ReadonlySet<string> = new Set<SpecialUse>([
  '\\Sent',
  '\\Drafts',
  '\\Junk',
  '\\Trash',
  '\\Archive',
  '\\Flagged',
  '\\All',
]);

async function importMailbox(
  job: AccountImport,
  account: Id,
  from: MailboxDocument,
  known: StoredMailbox | undefined,
): Promise<{ messages: number; octets: number; added: number } | null> {
  const { source, store } = job;
  const record: MailboxRecord = {
    account,
    name: from.path,
    specialUse: USES.has(String(from.specialUse)) ? (from.specialUse as SpecialUse) : '',
    uidValidity: from.uidValidity,
    uidNext: from.uidNext,
    highestModseq: Math.max(1, from.modifyIndex),
    // WildDuck shows no message as recent.
    recentFrom: from.uidNext,
    forgotten: Math.max(1, from.modifyIndex),
  };
  const onProblem = (uid: number, problem: string): void => job.onProblem({ mailbox: from.path, uid, problem });
  try {
    // UIDNEXT first: should the server be started now, new mail gets no UID that WildDuck has given.
    const { id } = await store.transfer.putMailbox(record, known?.id ?? null);
    await store.mailboxes.subscribe(account, from.path, from.subscribed !== false);
    const { added, failed, highestModseq } = await importMessages({
      source,
      store,
      from,
      to: id,
      onMessage: job.onMessage,
      onProblem,
    });
    if (highestModseq > record.highestModseq) await store.transfer.putMailbox({ ...record, highestModseq }, id);
    return {
      ...(await verifyMailbox({ source, store, from, to: id, failed, verified: job.verified, onProblem })),
      added,
    };
  } catch (error) {
    if (!(error instanceof MailboxError)) throw error;
    job.onProblem({ mailbox: from.path, problem: `not brought: ${error.message}` });
    return null;
  }
}
