/**
 * Expunged messages of an account that are kept. Those that the other side lacks are added together with the rows of
 * mailboxes, before anything is removed: one that was expunged meanwhile is then still there.
 */
import type { Id } from '../../mail/account.ts';
import type { ExpungedMessage } from '../../store/expunged.ts';
import type { CopyJob } from './job.ts';

/** Messages whose contents are copied together. */
const BATCH = 100;

interface Accounts {
  readonly from: Id;
  readonly to: Id;
  /** For people. */
  readonly address: string;
}

/** Returns those of the other side that the source does not have. */
export async function copyExpunged(job: CopyJob, accounts: Accounts): Promise<readonly Id[]> {
  const surplus = new Map<string, Id>();
  for await (const messages of job.target.expunged.list(accounts.to))
    for (const message of messages) surplus.set(textOf(message), message.id);
  for await (const messages of job.source.expunged.list(accounts.from)) {
    const missing = messages.filter((message) => !surplus.delete(textOf(message)));
    for (let at = 0; at < missing.length; at += BATCH) await add(job, accounts, missing.slice(at, at + BATCH));
  }
  return [...surplus.values()];
}

/** All that both sides have in common. */
export const textOf = ({ mailbox, uidValidity, uid, ...message }: ExpungedMessage): string =>
  JSON.stringify([
    ...[mailbox, uidValidity, uid, message.expungedAt, message.internalDate],
    ...[message.flags.toSorted(), message.prefix],
  ]);

async function add(job: CopyJob, accounts: Accounts, messages: readonly ExpungedMessage[]): Promise<void> {
  const put = async (): Promise<void> => {
    const copied = await job.contents.copy(messages.map(({ content }) => content));
    const records = messages.flatMap(({ id: _, ...message }) => {
      const content = copied.get(message.content) ?? null;
      if (content !== null && !(content instanceof Error)) return [{ ...message, content }];
      // Without a content its time was over meanwhile, or the source is damaged, which a check of it says.
      if (content !== null)
        job.tally.problems.add(`${accounts.address} ${message.mailbox} UID ${message.uid}, expunged`, content);
      return [];
    });
    if (records.length === 0) return;
    await job.target.transfer.putExpunged(accounts.to, records);
    job.tally.written += records.length;
  };
  await put().catch(async () => {
    // The last row of a content went elsewhere: it is copied again. A second error is another one.
    job.contents.forget(messages.map(({ content }) => content));
    await put();
  });
}
