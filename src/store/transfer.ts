/**
 * Mail that comes from another store as it was there: UIDs, UIDVALIDITY, MODSEQs, flags, dates, the queue.
 *
 * `posthorn store copy` and the imports write through it. Each operation may be repeated, with the same effect as once:
 * a copy that was interrupted goes on from where it was. The store is not served to clients meanwhile.
 */
import type { Account, Id } from '../mail/account.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Mailbox, SpecialUse } from '../mail/mailbox.ts';
import type { MessageIndex } from '../mail/message.ts';
import type { ContentDraft } from './content.ts';
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
}

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

/** A queue item without what only its store knows. */
export type ItemRecord = Omit<QueueItem, 'id' | 'content' | 'active' | 'queueId' | 'size' | 'arrivedAt'>;

export interface Transfer {
  /** What the store knows of contents, in the order asked for; null for one that it does not have. */
  contentRecords(contents: readonly Id[]): Promise<readonly (ContentRecord | null)[]>;
  /** The ids of contents by queue ID; null where the store has none. */
  contentsOf(queueIds: readonly string[]): Promise<readonly (Id | null)[]>;
  /** The highest UIDVALIDITY that was ever given; a store that is copied to gives only higher ones. */
  uidValidity(): Promise<number>;
  raiseUidValidity(to: number): Promise<void>;

  /** By address: created without mailboxes, or made equal. */
  putAccount(account: Omit<Account, 'id'>): Promise<Account>;
  /** By account and UIDVALIDITY: created, or made equal (renamed too). Counters only grow. */
  putMailbox(mailbox: MailboxRecord): Promise<Mailbox>;
  /** A content without rows and items is swept later: its rows must follow within an hour. Returns its id. */
  putContent(record: ContentRecord, draft: ContentDraft): Promise<Id>;
  /** By UID: inserted, or flags and MODSEQ made equal. The mailbox's counts follow. */
  putMessages(mailbox: Id, messages: readonly MessageRecord[]): Promise<void>;
  /** Removes rows that the source no longer has, and records the expunge under this MODSEQ. */
  removeMessages(mailbox: Id, uids: readonly number[], modseq: number): Promise<void>;
  /** Makes the items of a content equal to these, by recipient and original recipient. */
  putItems(content: Id, items: readonly ItemRecord[]): Promise<void>;
}
