/**
 * Sessions that watch an account's changes. What this process does is told in the tick in which it is durable; what
 * others do when the feed says that the mailbox has another MODSEQ: then it is read from the rows.
 */
import type { Log } from '../../../../log.ts';
import type { Change } from '../../../../mail/change.ts';
import type { MessageState } from '../../../../mail/mailbox.ts';
import { listFlags } from '../../flags.ts';
import { Listeners } from '../../listeners.ts';
import type { Database } from '../database/database.ts';
import { accountOfMailbox, changedSince, type MessageDocument } from '../database/documents.ts';
import type { MailboxLog } from '../log/mailbox-log.ts';

/** Rows per answer of the database. */
const BATCH = 5000;

export class Watchers {
  readonly #listeners = new Listeners<string, Change>();
  readonly #database: Database;
  readonly #log: Log;
  /** Up to which MODSEQ the sessions of this process know the mailboxes that they have open. */
  readonly #told = new Map<string, { modseq: number; uidNext: number }>();
  /** Up to which UID a session may have read by itself, before it was told: in a snapshot, or beside its own append. */
  readonly #read = new Map<string, number>();
  /** Mailboxes that are being caught up with; true: once more. */
  readonly #behind = new Map<string, boolean>();

  constructor(database: Database, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  add(account: string, listener: (change: Change) => void): () => void {
    const remove = this.#listeners.add(account, listener);
    return () => {
      remove();
      if (this.#listeners.of(account) !== undefined) return;
      for (const mailbox of this.#told.keys()) {
        if (accountOfMailbox(mailbox) !== account) continue;
        this.#told.delete(mailbox);
        this.#read.delete(mailbox);
      }
    };
  }

  /** A session takes a snapshot: from here on it is told. */
  opened(mailbox: string, modseq: number, uidNext: number): void {
    if (this.#listeners.of(accountOfMailbox(mailbox)) === undefined) return;
    if (this.#told.has(mailbox)) this.#mayHaveRead(mailbox, uidNext);
    else this.#told.set(mailbox, { modseq, uidNext });
  }

  #mayHaveRead(mailbox: string, uidNext: number): void {
    this.#read.set(mailbox, Math.max(uidNext, this.#read.get(mailbox) ?? 0));
  }

  /** The mailboxes that sessions have open. */
  get open(): IterableIterator<string> {
    return this.#told.keys();
  }

  isOpen(mailbox: string): boolean {
    return this.#told.has(mailbox);
  }

  watches(account: string): boolean {
    return this.#listeners.of(account) !== undefined;
  }

  /** Changes of this process, which raised the MODSEQ from `from` to `to`. */
  tell(mailbox: string, from: number, to: number, changes: readonly Change[], mailboxes: MailboxLog): void {
    const account = accountOfMailbox(mailbox);
    if (this.#listeners.of(account) === undefined) return;
    const told = this.#told.get(mailbox);
    const last = changes.findLast(({ kind }) => kind === 'append');
    const uid = last?.kind === 'append' ? (last.messages.at(-1)?.uid ?? 0) : 0;
    if (told !== undefined && told.modseq !== from) {
      this.#mayHaveRead(mailbox, uid + 1);
      this.catchUp(mailbox, mailboxes);
      return;
    }
    for (const change of changes) this.#emit(account, change);
    if (told !== undefined) this.#told.set(mailbox, { modseq: to, uidNext: Math.max(told.uidNext, uid + 1) });
  }

  /** A mailbox was created, renamed, deleted or (un)subscribed. */
  tellTree(account: string, mailbox: string): void {
    if (this.#listeners.of(account) !== undefined) this.#emit(account, { kind: 'mailbox', mailbox });
  }

  /** The mailbox has this MODSEQ now. */
  heard(mailbox: string, modseq: number, mailboxes: MailboxLog): void {
    const told = this.#told.get(mailbox);
    if (told !== undefined && told.modseq < modseq) this.catchUp(mailbox, mailboxes);
  }

  /** Reads and tells what others did. */
  catchUp(mailbox: string, mailboxes: MailboxLog): void {
    if (this.#behind.has(mailbox)) {
      this.#behind.set(mailbox, true);
      return;
    }
    this.#behind.set(mailbox, false);
    void this.#tellOthers(mailbox, mailboxes)
      // The feed comes again.
      .catch((error: unknown) => this.#log.debug({ err: error, mailbox }, 'changes of a mailbox cannot be read now'))
      .finally(() => {
        const again = this.#behind.get(mailbox) === true;
        this.#behind.delete(mailbox);
        if (again) this.catchUp(mailbox, mailboxes);
      });
  }

  async #tellOthers(mailbox: string, mailboxes: MailboxLog): Promise<void> {
    const now = await mailboxes.current(mailbox);
    const told = this.#told.get(mailbox);
    if (told === undefined || told.modseq >= now.modseq) return;
    const rows = await this.#database.messages
      .find<Pick<MessageDocument, 'uid' | 'modseq' | 'mask' | 'keywords' | 'gone'>>(
        changedSince(mailbox, told.modseq),
        { hint: 'modseq', projection: { _id: 0, uid: 1, modseq: 1, mask: 1, keywords: 1, gone: 1 }, batchSize: BATCH },
      )
      .toArray();
    // This process has told something meanwhile: what is left then is read again.
    if (this.#told.get(mailbox) !== told) return this.#tellOthers(mailbox, mailboxes);
    rows.sort((a, b) => a.uid - b.uid);
    const decided = rows.filter(({ uid }) => uid < now.uidNext);
    const live = decided.filter(({ gone }) => gone === undefined).map(stateOf);
    const account = accountOfMailbox(mailbox);
    const appended = live.filter(({ uid }) => uid >= told.uidNext);
    // What a session has read it does not take for appended: it must hear of changes and expunges of that too.
    const known = Math.max(told.uidNext, this.#read.get(mailbox) ?? 0);
    const flags = live.filter(({ uid }) => uid < known);
    const gone = decided.filter((row) => row.gone !== undefined).map(({ uid }) => uid);
    this.#told.set(mailbox, { modseq: now.modseq, uidNext: now.uidNext });
    if (appended.length > 0) this.#emit(account, { kind: 'append', mailbox, messages: appended });
    if (flags.length > 0) this.#emit(account, { kind: 'flags', mailbox, messages: flags });
    if (gone.length > 0) this.#emit(account, { kind: 'expunge', mailbox, uids: gone, modseq: now.modseq });
  }

  #emit(account: string, change: Change): void {
    for (const listener of this.#listeners.of(account) ?? []) {
      try {
        listener(change);
      } catch (error) {
        this.#log.error({ account, err: error }, 'a session failed to process a mailbox change');
      }
    }
  }
}

const stateOf = (row: Pick<MessageDocument, 'uid' | 'modseq' | 'mask' | 'keywords'>): MessageState => ({
  uid: row.uid,
  modseq: row.modseq,
  flags: listFlags(row.mask, row.keywords),
});
