/**
 * Mail that comes from another store as it was there: UIDs, UIDVALIDITY, MODSEQs, flags, dates, the queue.
 *
 * `posthorn store copy` and the imports write through it. Each operation may be repeated, with the same effect as once:
 * a copy that was interrupted goes on from where it was. No session has the mailboxes open meanwhile that are written to
 * (those of an import: maintenance/mail-files/aside.ts).
 *
 * A mailbox's own UIDNEXT and MODSEQ are raised by `putMailbox` alone, after its messages: equal counters on both sides
 * say that nothing of the mailbox is missing.
 */
import type { Account, Id } from '../mail/account.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Mailbox, MailboxStatus, SpecialUse } from '../mail/mailbox.ts';
import type { MessageIndex } from '../mail/message.ts';
import type { ContentDraft } from './content.ts';
import type { ExpungedMessage } from './expunged.ts';
import type { MessageRow } from './mailboxes.ts';
import type { QueueItem } from './queue.ts';

export interface MailboxRecord {
  readonly account: Id;
  readonly name: string;
  readonly specialUse: SpecialUse;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModseq: number;
  /** UIDs of at least this are recent for the next session. */
  readonly recentFrom: number;
  /** Expunges up to this MODSEQ are not known one by one: `Mailboxes.changes` from before it gives a superset. */
  readonly forgotten: number;
}

/** A mailbox as the store has it, its counts too, all of one moment. */
export interface StoredMailbox
  extends MailboxRecord,
    Pick<MailboxStatus, 'id' | 'messages' | 'unseen' | 'deleted' | 'size'> {}

export interface ContentRecord {
  readonly queueId: string;
  readonly size: number;
  readonly arrivedAt: number;
  readonly envelope: Omit<Envelope, 'recipients'>;
  readonly index: MessageIndex;
}

/** A message of a mailbox; `content` is an id of the store that is written to. */
export type MessageRecord = Pick<
  MessageRow,
  'uid' | 'modseq' | 'flags' | 'internalDate' | 'size' | 'prefix' | 'content' | 'sentAt'
>;

/** `content` is an id of the store that is written to. */
export type ExpungedRecord = Omit<ExpungedMessage, 'id'>;

/** A queue item without what only its store knows. */
export type ItemRecord = Omit<QueueItem, 'id' | 'content' | 'active' | 'queueId' | 'size' | 'arrivedAt'>;

/** Says that a store is written by `posthorn store copy`, which may remove from it whatever its source does not have. */
export interface CopyMark {
  /** The store that it is a copy of, as the command names it; without a password. */
  readonly of: string;
  /** It was found equal. One that is not complete is not served: mail would be missing. */
  readonly complete: boolean;
}

export interface Transfer {
  /** In any order. */
  mailboxRecords(account: Id): Promise<readonly StoredMailbox[]>;
  /** What the store knows of contents, in the order asked for; null for one that it does not have. */
  contentRecords(contents: readonly Id[]): Promise<readonly (ContentRecord | null)[]>;
  /** The ids of contents by queue ID; null where the store has none. */
  contentsOf(queueIds: readonly string[]): Promise<readonly (Id | null)[]>;
  /** The highest UIDVALIDITY that was ever given; a store that is copied to gives only higher ones. */
  uidValidity(): Promise<number>;
  raiseUidValidity(to: number): Promise<void>;
  /** Null: a store of its own, which no copy may change. */
  copyMark(): Promise<CopyMark | null>;
  markCopy(mark: CopyMark | null): Promise<void>;

  /** By address: created without mailboxes, or made equal. */
  putAccount(account: Omit<Account, 'id'>): Promise<Account>;
  /**
   * By account and UIDVALIDITY: created, or made equal (renamed too). Counters only grow. Throws MailboxError
   * `alreadyexists` if another mailbox has the name. `as` says which one is made equal, or (null) that a new one is
   * made: other servers may have given the same UIDVALIDITY to several mailboxes of an account.
   */
  putMailbox(mailbox: MailboxRecord, as?: Id | null): Promise<Mailbox>;
  /**
   * A content without rows and items can be read, and is swept later: its rows must follow within an hour. Returns its
   * id. One that the store has under this queue ID stays as it is, and the draft is discarded.
   */
  putContent(record: ContentRecord, draft: ContentDraft): Promise<Id>;
  /**
   * By UID: inserted, or flags and MODSEQ made equal. The mailbox's counts follow, but not UIDNEXT and MODSEQ. Throws,
   * and changes nothing, if a content of a new row is not there (any more).
   */
  putMessages(mailbox: Id, messages: readonly MessageRecord[]): Promise<void>;
  /**
   * Removes rows that the source no longer has, and records the expunge under this MODSEQ: of all these UIDs, for a
   * client may have seen one at the source that never came here.
   */
  removeMessages(mailbox: Id, uids: readonly number[], modseq: number): Promise<void>;
  /** By UIDVALIDITY, UID and content: kept as they were elsewhere. Throws as `putMessages`. */
  putExpunged(account: Id, messages: readonly ExpungedRecord[]): Promise<void>;
  /** They are not kept any more. */
  removeExpunged(messages: readonly Id[]): Promise<void>;
  /** Makes the items of a content equal to these, by recipient and original recipient; none of them is leased. */
  putItems(content: Id, items: readonly ItemRecord[]): Promise<void>;
}
