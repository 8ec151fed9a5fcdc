/**
 * The messages of one mailbox: what the other side lacks, what changed, and what is gone.
 *
 * A mailbox with a MODSEQ above 1 on the other side was complete at that MODSEQ: only what changed since is asked for.
 * Any other, one whose copy was interrupted, is compared from its first message to its last. The source may change
 * meanwhile: the other side gets the counters that the source had before its messages were read, so that the next pass
 * looks again.
 */
import { CHUNK_SIZE } from '../../store/content.ts';
import { MailboxError, type MessageRow, type UidRanges } from '../../store/mailboxes.ts';
import type { MessageRecord, StoredMailbox } from '../../store/transfer.ts';
import { EVERY_UID, LAST_UID, sameFlags, uidRanges } from '../rows.ts';
import type { CopyJob } from './job.ts';

/** More expunged messages than these are not worth remembering one by one. */
const MOST_VANISHED = 10_000;
/** UIDs asked for at once: a store may look through all of them for each page of rows. */
const ASKED_UIDS = 5_000;
/** Of one batch: rows, and octets of their contents that may be in memory. */
const BATCH_ROWS = 200;
const BATCH_OCTETS = 2 * 1024 * 1024;

export interface MailboxPair {
  readonly from: StoredMailbox;
  readonly to: StoredMailbox;
  /** For people. */
  readonly place: string;
}

/** Undone until `finish`: additions to all mailboxes of an account come before removals, so that moved mail stays. */
export interface BegunMailbox {
  finish(): Promise<void>;
}

/** Null if there is nothing to do. */
export async function copyMailbox(job: CopyJob, pair: MailboxPair): Promise<BegunMailbox | null> {
  if (isSame(pair)) {
    job.tally.seen += pair.from.messages;
    return null;
  }
  try {
    const changes = await changesOf(job, pair);
    const copier = new MailboxCopier(job, pair, changes);
    const vanished = await copier.copy();
    const { isComplete } = copier;
    return { finish: () => finish(job, pair, { vanished, isWhole: changes === null, isComplete }) };
  } catch (error) {
    // The source removed it meanwhile; the next pass does so here.
    if (error instanceof MailboxError && error.reason === 'nonexistent') return null;
    throw error;
  }
}

const COUNTERS = ['uidNext', 'highestModseq', 'recentFrom', 'messages'] as const;

const isSame = ({ from, to }: MailboxPair): boolean => COUNTERS.every((name) => from[name] === to[name]);

interface Changes {
  /** Ascending. */
  readonly uids: readonly number[];
  readonly vanished: readonly number[];
}

/** Null: all must be compared. */
async function changesOf({ source }: CopyJob, { from, to }: MailboxPair): Promise<Changes | null> {
  if (to.highestModseq <= 1 || (to.highestModseq === from.highestModseq && to.messages !== from.messages)) return null;
  const { changed, vanished } = await source.mailboxes.changes(from.id, to.highestModseq);
  if (vanished.length > MOST_VANISHED) return null;
  return { uids: changed.map(({ uid }) => uid).sort((x, y) => x - y), vanished };
}

class MailboxCopier {
  readonly #job: CopyJob;
  readonly #pair: MailboxPair;
  readonly #changes: Changes | null;
  /** Rows of the other side that the source does not have. */
  readonly #surplus: number[] = [];
  #missed = 0;

  constructor(job: CopyJob, pair: MailboxPair, changes: Changes | null) {
    this.#job = job;
    this.#pair = pair;
    this.#changes = changes;
  }

  get isComplete(): boolean {
    return this.#missed === 0;
  }

  /** Returns the UIDs to remove. */
  async copy(): Promise<readonly number[]> {
    const { from } = this.#pair;
    const { source, tally } = this.#job;
    const changes = this.#changes;
    if (changes !== null) {
      tally.seen += from.messages;
      for (let at = 0; at < changes.uids.length; at += ASKED_UIDS) {
        const uids = uidRanges(changes.uids.slice(at, at + ASKED_UIDS));
        for await (const rows of source.mailboxes.rows(from.id, uids, {}))
          await this.#copyPage(rows, uidRanges(rows.map(({ uid }) => uid)));
      }
      return changes.vanished;
    }
    let next = 1;
    for await (const rows of source.mailboxes.rows(from.id, EVERY_UID, {})) {
      const last = rows.at(-1)?.uid ?? 0;
      await this.#copyPage(rows, [[next, last]]);
      next = last + 1;
      tally.seen += rows.length;
    }
    await this.#present([], [[next, LAST_UID]]);
    return this.#surplus;
  }

  async #copyPage(rows: readonly MessageRow[], among: UidRanges): Promise<void> {
    const present = await this.#present(rows, among);
    const changed: MessageRecord[] = [];
    let added: MessageRow[] = [];
    let octets = 0;
    for (const row of rows) {
      const known = present.get(row.uid);
      if (known === undefined) {
        added.push(row);
        octets += Math.min(row.size, CHUNK_SIZE);
      } else if (known.modseq !== row.modseq || !sameFlags(known.flags, row.flags))
        changed.push({ ...row, content: known.content });
      if (added.length < BATCH_ROWS && octets < BATCH_OCTETS) continue;
      await this.#add(added);
      added = [];
      octets = 0;
    }
    await this.#add(added);
    await this.#put(changed);
  }

  /** Rows of the other side, by UID; those that the source does not have are noted. */
  async #present(rows: readonly MessageRow[], among: UidRanges): Promise<ReadonlyMap<number, MessageRow>> {
    const present = new Map<number, MessageRow>();
    if (this.#pair.to.messages === 0) return present;
    const here = new Set(rows.map(({ uid }) => uid));
    for await (const page of this.#job.target.mailboxes.rows(this.#pair.to.id, among, {})) {
      for (const row of page) {
        if (here.has(row.uid)) present.set(row.uid, row);
        else this.#surplus.push(row.uid);
      }
    }
    return present;
  }

  async #add(rows: readonly MessageRow[]): Promise<void> {
    const { contents } = this.#job;
    const records = await this.#withContents(rows);
    await this.#put(records).catch(async () => {
      // A row elsewhere was the last one of a content, and went: it is copied again. A second error is another one.
      contents.forget(rows.map(({ content }) => content));
      await this.#put(await this.#withContents(rows));
    });
  }

  async #withContents(rows: readonly MessageRow[]): Promise<readonly MessageRecord[]> {
    const copied = await this.#job.contents.copy(rows.map(({ content }) => content));
    const records: MessageRecord[] = [];
    for (const row of rows) {
      const content = copied.get(row.content) ?? null;
      if (content === null || content instanceof Error) await this.#miss(row, content);
      else records.push({ ...row, content });
    }
    return records;
  }

  async #put(records: readonly MessageRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.#job.target.transfer.putMessages(this.#pair.to.id, records);
    this.#job.tally.written += records.length;
  }

  /** A message that was expunged meanwhile is none that is missing. */
  async #miss({ uid }: MessageRow, error: Error | null): Promise<void> {
    const { source, tally } = this.#job;
    for await (const rows of source.mailboxes.rows(this.#pair.from.id, [[uid, uid]], {})) {
      if (rows.length === 0) continue;
      this.#missed += 1;
      tally.problems.add(`${this.#pair.place} UID ${uid}`, error ?? 'its content is missing');
    }
  }
}

async function finish(
  { target, tally }: CopyJob,
  { from, to }: MailboxPair,
  result: { readonly vanished: readonly number[]; readonly isWhole: boolean; readonly isComplete: boolean },
): Promise<void> {
  const { vanished, isWhole, isComplete } = result;
  for (let at = 0; at < vanished.length; at += MOST_VANISHED)
    await target.transfer.removeMessages(to.id, vanished.slice(at, at + MOST_VANISHED), from.highestModseq);
  tally.removed += vanished.length;
  // Its counters say that nothing is missing.
  if (!isComplete) return;
  const { uidNext, highestModseq, recentFrom } = from;
  const counters = { uidNext, highestModseq, recentFrom, forgotten: isWhole ? highestModseq : 0 };
  await target.transfer.putMailbox({ ...recordOf(to), ...counters }, to.id);
}

/** Only what a record has: the backend may send it to another thread, or write it as it is. */
export const recordOf = ({
  account,
  name,
  specialUse,
  uidValidity,
  uidNext,
  highestModseq,
  recentFrom,
  forgotten,
}: StoredMailbox) => ({
  account,
  name,
  specialUse,
  uidValidity,
  uidNext,
  highestModseq,
  recentFrom,
  forgotten,
});
