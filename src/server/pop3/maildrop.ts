/**
 * One session's view of INBOX (RFC 1939 section 5). As in Dovecot's default it is a snapshot without a lock: several
 * sessions may be open, each with its own numbers; a message removed by another session is found missing when it is
 * requested.
 *
 * Guarantees: marked messages are removed at QUIT in one durable transaction, never otherwise; \Seen is set soon after
 * a message was fetched, so that IMAP clients see it at once (requirement D3), several messages in one transaction.
 */
import type { Account } from '../../mail/account.ts';
import type { Mailbox } from '../../mail/mailbox.ts';
import type { Mailboxes, MessageRow, UidRanges } from '../../store/mailboxes.ts';

export class Maildrop {
  /** Number of messages at the start of the session, and their total octets. */
  readonly total: number;
  readonly totalSize: number;
  readonly account: Account;
  readonly mailbox: Mailbox;
  readonly #mailboxes: Mailboxes;
  readonly #uids: Uint32Array;
  readonly #sizes: Float64Array;
  /** 1 if the message is marked as deleted. */
  readonly #deleted: Uint8Array;
  #deletedCount = 0;
  #deletedSize = 0;
  #seen: number[] = [];
  #marking: Promise<void> | null = null;

  private constructor(
    mailboxes: Mailboxes,
    account: Account,
    mailbox: Mailbox,
    uids: Uint32Array,
    sizes: Float64Array,
  ) {
    this.#mailboxes = mailboxes;
    this.account = account;
    this.mailbox = mailbox;
    this.#uids = uids;
    this.#sizes = sizes;
    this.#deleted = new Uint8Array(uids.length);
    this.total = uids.length;
    this.totalSize = sizes.reduce((sum, size) => sum + size, 0);
  }

  static async open(mailboxes: Mailboxes, account: Account): Promise<Maildrop> {
    const inbox = await mailboxes.find(account.id, 'INBOX');
    if (inbox === null) throw new Error(`${account.address} has no INBOX`);
    const { length, uids, sizes } = await mailboxes.columns(inbox.id);
    return new Maildrop(mailboxes, account, inbox, uids.slice(0, length), Float64Array.from(sizes.subarray(0, length)));
  }

  get count(): number {
    return this.total - this.#deletedCount;
  }

  get size(): number {
    return this.totalSize - this.#deletedSize;
  }

  get deletedCount(): number {
    return this.#deletedCount;
  }

  /** Message numbers start at 1. */
  sizeOf(message: number): number {
    return this.#sizes[message - 1] ?? 0;
  }

  /** Unique as long as the mailbox exists: UID and UIDVALIDITY (Dovecot's default `%08Xu%08Xv`). */
  uniqueId(message: number): string {
    const hex = (n: number): string => n.toString(16).padStart(8, '0');
    return hex(this.#uids[message - 1] ?? 0) + hex(this.mailbox.uidValidity);
  }

  isDeleted(message: number): boolean {
    return this.#deleted[message - 1] === 1;
  }

  /** Numbers of messages not marked as deleted. */
  *messages(): Generator<number> {
    for (let message = 1; message <= this.total; message += 1) if (!this.isDeleted(message)) yield message;
  }

  markDeleted(message: number): void {
    this.#deleted[message - 1] = 1;
    this.#deletedCount += 1;
    this.#deletedSize += this.sizeOf(message);
  }

  reset(): void {
    this.#deleted.fill(0);
    this.#deletedCount = 0;
    this.#deletedSize = 0;
  }

  /** With its content if that is short. Null if another session has removed it. */
  async row(message: number): Promise<MessageRow | null> {
    const uid = this.#uids[message - 1] ?? 0;
    for await (const rows of this.#mailboxes.rows(this.mailbox.id, [[uid, uid]], { octets: true })) {
      const [row] = rows;
      if (row !== undefined) return row;
    }
    return null;
  }

  /** Sets \Seen without making the client wait; marks that accumulate during a write go into the next one. */
  markSeen(row: MessageRow, onFailure: (error: unknown) => void): void {
    if (row.flags.includes('\\Seen')) return;
    this.#seen.push(row.uid);
    this.#marking ??= this.#writeSeen()
      .catch(onFailure)
      .finally(() => {
        this.#marking = null;
      });
  }

  async #writeSeen(): Promise<void> {
    while (this.#seen.length > 0) {
      const uids = this.#seen;
      this.#seen = [];
      await this.#mailboxes.store(this.mailbox.id, rangesOf(uids), { op: 'add', flags: ['\\Seen'] });
    }
  }

  /** Resolves when every \Seen is written. */
  async settled(): Promise<void> {
    await this.#marking;
  }

  /** The UPDATE state: removes the marked messages. Rejects if the store refuses; then nothing was removed. */
  async update(): Promise<readonly number[]> {
    await this.settled();
    if (this.#deletedCount === 0) return [];
    const uids: number[] = [];
    for (let i = 0; i < this.total; i += 1) if (this.#deleted[i] === 1) uids.push(this.#uids[i] ?? 0);
    return (await this.#mailboxes.expunge(this.mailbox.id, rangesOf(uids), { force: true })).uids;
  }
}

/** Adjacent UIDs become one range. */
function rangesOf(uids: readonly number[]): UidRanges {
  const ranges: [number, number][] = [];
  for (const uid of [...new Set(uids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === uid) last[1] = uid;
    else ranges.push([uid, uid]);
  }
  return ranges;
}
