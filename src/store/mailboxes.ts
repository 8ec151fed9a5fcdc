/**
 * Mailboxes as IMAP and POP3 sessions see them. Every change is durable before its promise resolves,
 * raises the mailbox's MODSEQ, and is then reported to the account's watchers (mail/change.ts).
 *
 * No operation needs a transaction over two mailboxes: `move` is a copy that a backend may repeat,
 * followed by an expunge, so a crash between them may duplicate a message but never lose it.
 */
import type { Id } from '../mail/account.ts';
import type { Change } from '../mail/change.ts';
import type { Mailbox, MailboxStatus, MessageState, SpecialUse } from '../mail/mailbox.ts';
import type { Part, SearchFields, SearchText } from '../mail/message.ts';

/** A consistent snapshot of one mailbox at one MODSEQ. */
export interface MailboxSnapshot {
  readonly mailbox: MailboxStatus;
  /** Ascending; the message sequence number is the index + 1. */
  readonly uids: Uint32Array;
  /** UID of the first message without \Seen, or 0. */
  readonly firstUnseen: number;
  /** Messages with a UID of at least this are \Recent in this session (0 where none is). */
  readonly recentFrom: number;
  /** Keywords in use in this mailbox. */
  readonly keywords: readonly string[];
}

/** Columns a FETCH or SEARCH needs in addition to those that every row has. */
export interface RowColumns {
  readonly envelope?: boolean;
  readonly bodyStructure?: boolean;
  readonly root?: boolean;
  readonly search?: boolean;
  /** The content too, where it is short: fewer calls than to ask for row and content one after the other. */
  readonly octets?: boolean;
}

export interface MessageRow extends MessageState {
  /** Milliseconds since 1970 UTC. */
  readonly internalDate: number;
  /** Octets of prefix + content. */
  readonly size: number;
  /** The recipient's own trace header lines, each ended by CRLF; may be empty. */
  readonly prefix: string;
  readonly content: Id;
  /** Date: in ms as MessageIndex has it, or null. */
  readonly sentAt: number | null;
  /** Present if requested. */
  readonly envelope?: string;
  readonly bodyStructure?: string;
  readonly root?: Part;
  readonly search?: SearchFields;
  /** The whole content. Not always present if requested: then it is read from the ContentStore. */
  readonly octets?: Buffer;
}

/**
 * What every message of a mailbox has, by index in the order of UIDs, at one MODSEQ. Only the first `length` entries
 * count. A backend may keep the arrays: flags in them may change later, but an index stays the same message's.
 */
export interface MessageColumns {
  readonly length: number;
  readonly uids: Uint32Array;
  readonly modseqs: Float64Array;
  readonly internalDates: Float64Array;
  readonly sizes: Uint32Array;
  /** NaN where MessageRow has null. */
  readonly sentAts: Float64Array;
  flags(index: number): readonly string[];
  content(index: number): Id;
  /** As MessageRow.prefix; null where only the row says it. */
  prefix(index: number): string | null;
}

/**
 * A text that SEARCH looks for, in lower case: in the body, anywhere, in the values of a field, or in one of the texts
 * of SearchFields (then a message that has it is UNKNOWN, for it may be in another one).
 */
export type TextKey =
  | { readonly where: 'body' | 'anywhere' | 'fields'; readonly text: string }
  | { readonly where: 'field'; readonly field: string; readonly text: string };

/** What `searchContents` says of a content. */
export const NO = 0;
export const YES = 1;
/** Its text is not prepared yet, or not in a form in which the key can be decided. */
export const UNKNOWN = 2;

/** How far the texts for SEARCH are. */
export interface SearchProgress {
  /** Messages that can be in mailboxes; one in several of them counts once. */
  readonly messages: number;
  readonly prepared: number;
  /** Of those prepared: they need not be read through if they do not have the text. */
  readonly indexed: number;
  /** On the disk. */
  readonly octets: number;
}

/** Inclusive UID ranges, ascending and without overlap. */
export type UidRanges = readonly (readonly [number, number])[];

export interface StoreFlags {
  readonly op: 'set' | 'add' | 'remove';
  readonly flags: readonly string[];
  /** RFC 7162 UNCHANGEDSINCE: rows with a higher MODSEQ are left alone and reported as conflicts. */
  readonly unchangedSince?: number;
}

export interface Copied {
  readonly uidValidity: number;
  /** [source UID, UID in the target], ascending. */
  readonly pairs: readonly (readonly [number, number])[];
}

/** Expected refusals of mailbox operations; anything else is thrown as an Error of the backend's. */
export class MailboxError extends Error {
  readonly reason: 'nonexistent' | 'alreadyexists' | 'cannot' | 'overquota' | 'limit';
  constructor(reason: MailboxError['reason'], message: string) {
    super(message);
    this.name = 'MailboxError';
    this.reason = reason;
  }
}

export interface Mailboxes {
  /** All mailboxes of an account ordered by name, INBOX first. */
  list(account: Id): Promise<readonly Mailbox[]>;
  /** Null if there is none. INBOX matches in any case. */
  find(account: Id, name: string): Promise<Mailbox | null>;
  status(mailbox: Id): Promise<MailboxStatus>;
  /** `claimRecent`: this session is the first to see the recent messages (SELECT, not EXAMINE). */
  open(mailbox: Id, options: { readonly claimRecent: boolean }): Promise<MailboxSnapshot>;
  /** A session has reported the UIDs below `upTo`: they are recent for no other. */
  claimRecent(mailbox: Id, upTo: number): Promise<void>;

  /** Creates missing superiors too. Throws MailboxError alreadyexists, cannot, limit. */
  create(account: Id, name: string, specialUse?: SpecialUse): Promise<Mailbox>;
  /** Renames inferiors too; INBOX: moves its messages into the new mailbox (RFC 9051 section 6.3.6). */
  rename(account: Id, from: string, to: string): Promise<void>;
  /** Throws MailboxError `cannot` for INBOX. Inferiors stay. */
  remove(account: Id, name: string): Promise<void>;
  /** A subscription of a name without a mailbox is kept (RFC 9051 section 6.3.7). */
  subscribe(account: Id, name: string, subscribed: boolean): Promise<void>;
  /** Subscribed names, including those without a mailbox. */
  subscriptions(account: Id): Promise<readonly string[]>;

  /** Rows ordered by UID, a few hundred per batch; rows expunged in the meantime are left out. */
  rows(mailbox: Id, uids: UidRanges, columns: RowColumns): AsyncIterable<readonly MessageRow[]>;
  /** The whole mailbox, without reading its messages one by one where that can be avoided. */
  columns(mailbox: Id): Promise<MessageColumns>;
  /** States changed and UIDs expunged after `modseq` (RFC 7162, RFC 5162); `vanished` is complete or a superset. */
  changes(
    mailbox: Id,
    modseq: number,
  ): Promise<{
    readonly changed: readonly MessageState[];
    readonly vanished: readonly number[];
    readonly highestModseq: number;
  }>;

  store(
    mailbox: Id,
    uids: UidRanges,
    change: StoreFlags,
  ): Promise<{ readonly changed: readonly MessageState[]; readonly conflicts: readonly number[] }>;
  /** Removes the messages among `uids` (all if omitted) that have \Deleted; with `force` also those without it. */
  expunge(
    mailbox: Id,
    uids?: UidRanges,
    options?: { readonly force?: boolean },
  ): Promise<{ readonly uids: readonly number[]; readonly modseq: number }>;
  copy(mailbox: Id, uids: UidRanges, target: Id): Promise<Copied>;
  move(mailbox: Id, uids: UidRanges, target: Id): Promise<Copied & { readonly modseq: number }>;

  /** Texts for SEARCH BODY and TEXT, prepared in idle time; null where not prepared yet. */
  searchText(content: Id): Promise<SearchText | null>;
  /** NO, YES or UNKNOWN for each content, whose rows' prefixes are not looked at. A key without text is UNKNOWN. */
  searchContents(contents: readonly Id[], key: TextKey): Promise<Uint8Array>;
  /** Derived and rebuildable: need not survive a crash. */
  putSearchText(content: Id, text: SearchText): Promise<void>;
  /** Contents in mailboxes whose text is not prepared yet, oldest first; empty when done. */
  unprepared(limit: number): Promise<readonly Id[]>;
  searchProgress(): Promise<SearchProgress>;
  /** All are to be prepared again; SEARCH finds the same meanwhile. */
  discardSearchTexts(): Promise<void>;

  /**
   * Calls back, in later ticks, for every change to this account; returns a function that stops the watch. A change may
   * be reported after a snapshot that already includes it: its MODSEQ is not above the snapshot's highestModseq.
   */
  watch(account: Id, listener: (change: Change) => void): () => void;
}
