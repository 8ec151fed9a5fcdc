/**
 * The documents of each collection. Times are milliseconds since 1970 UTC; flags are a bit mask and a list of keywords
 * (flags.ts).
 *
 * Ids are texts that begin with what they belong to, so that one range of `_id` is one account, one mailbox, or one
 * message: `ACCOUNT`, `ACCOUNT.UIDVALIDITY`, `ACCOUNT.UIDVALIDITY.UID`. Account ids are random, so that ranges of them
 * are spread evenly over shards.
 */
import type { Notify } from '../../../../mail/envelope.ts';
import type { Forwarding } from '../../../../mail/forwarding.ts';
import type { SpecialUse } from '../../../../mail/mailbox.ts';
import type { Reply } from '../../../../mail/status.ts';
import type { ProbeResult } from '../../../probe-results.ts';
import type { QueueExtras } from '../../../queue-extras.ts';
import type { IndexColumns } from '../../index-columns.ts';

export interface AccountDocument {
  /** 24 random hexadecimal digits. */
  readonly _id: string;
  readonly address: string;
  readonly passwordHash: string;
  readonly disabled: boolean;
  readonly quota: number;
  /** Absent in accounts that an older version made. */
  readonly forwarding?: Forwarding | null;
  readonly createdAt: number;
  /** The highest UIDVALIDITY that a mailbox of the account ever had. */
  readonly uidValidity: number;
  readonly subscriptions: readonly string[];
  /** Its default mailboxes are still to be made, by this process, from this UIDVALIDITY on. Until then it is not found. */
  readonly making?: { readonly by: string; readonly first: number };
}

export interface AliasDocument {
  readonly _id: string;
  readonly targets: readonly string[];
}

/** A domain that is served. */
export interface DomainDocument {
  readonly _id: string;
}

/** `version` is raised after each change to what it is named after. */
export interface MetaDocument {
  readonly _id: 'schema' | 'directory' | 'uidvalidity' | 'copy';
  readonly version: number;
  /** Of `copy`: the store that this one is a copy of; its version is 1 when it is complete. */
  readonly of?: string;
}

/**
 * A mailbox: its counters, and what was decided but is not in its rows yet. This one document decides: it changes only
 * by compare-and-set on its MODSEQ, an operation enters its journal together with the UIDs and the MODSEQ that it
 * takes, and from then on it is done. Bringing it into the rows can be repeated, by any process.
 */
export interface MailboxDocument {
  readonly _id: string;
  readonly account: string;
  /** Of a removed mailbox: NUL and its id, which no name can be. */
  readonly name: string;
  /** Its rows are being removed, or kept. */
  readonly removed?: true;
  readonly keep?: Kept;
  readonly specialUse: SpecialUse;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly size: number;
  /** First UID that no session has been told of as recent. Changes without a MODSEQ, and only grows. */
  readonly recentFrom: number;
  /** Expunges up to this MODSEQ are no longer remembered one by one. Changes as `recentFrom` does. */
  readonly forgotten: number;
  readonly keywords: readonly string[];
  /** In order of MODSEQ. */
  readonly journal: readonly Operation[];
  /** Raised whenever operations leave the journal otherwise than together with a change. */
  readonly tidied: number;
}

interface OperationHead {
  /** Unique: whoever does not know whether its update was made looks for it. */
  readonly id: string;
  /** The process that wrote it: it also removes it, and others only once that process is dead. */
  readonly by: string;
  /** The mailbox's MODSEQ after it. */
  readonly m: number;
}

export type Operation =
  | (OperationHead & { readonly kind: 'append'; readonly rows: readonly JournalRow[] })
  /** So many rows that they lie in documents of their own, without UID and MODSEQ: these follow from the first. */
  | (OperationHead & { readonly kind: 'batch'; readonly uid: number; readonly parts: readonly string[] })
  | (OperationHead & { readonly kind: 'flags'; readonly groups: readonly FlagGroup[] })
  /** `of`: the intent of a MOVE. */
  | (OperationHead & { readonly kind: 'expunge'; readonly uids: string; readonly of?: string; readonly keep?: Kept });

/** The flags that these UIDs (`1:3,7`) have now. */
export interface FlagGroup {
  readonly mask: number;
  readonly keywords: string;
  readonly uids: string;
}

/** A row as its operation has it: `_id` and mailbox follow from the UID. */
export interface JournalRow {
  readonly uid: number;
  readonly modseq: number;
  readonly mask: number;
  readonly keywords: string;
  readonly date: number;
  /** Of prefix and content. */
  readonly size: number;
  readonly sentAt: number | null;
  readonly content: string;
  /** Its own name among the content's references. */
  readonly ref: string;
  readonly prefix: string;
}

export interface MessageDocument extends JournalRow {
  readonly _id: string;
  readonly mailbox: string;
  /**
   * Expunged then. Such a row has nothing else but UID and MODSEQ: it answers QRESYNC, and it keeps a late writer from
   * inserting the message again. One that is kept has everything.
   */
  readonly gone?: number | Kept;
}

/** An expunged message that can be brought back. */
export interface Kept {
  /** Expunged then. */
  readonly kept: number;
  /** Of its mailbox, then. */
  readonly name: string;
  /** The intent that brings it back. */
  readonly to?: string;
}

export interface PartDocument {
  readonly _id: string;
  readonly rows: readonly Omit<JournalRow, 'uid' | 'modseq'>[];
}

/**
 * A message's octets with what was prepared of them, and its acceptance: once this document is durable the message is
 * accepted, and any process can finish what follows from it.
 */
export interface ContentDocument extends IndexColumns {
  /** The queue ID. */
  readonly _id: string;
  /** The acceptance is not finished: rows or items may be missing. */
  readonly open?: true;
  /** The process that finishes it. */
  readonly by: string;
  readonly deliveries?: readonly DeliveryRecord[];
  /** Where the deliveries were appended, in their order; set when the acceptance is finished. */
  readonly appended?: readonly AppendedRecord[];
  /** Late deliveries that were made: what they are recognized by, and their place. */
  readonly late?: readonly { readonly key: string; readonly place: AppendedRecord }[];
  /** Late deliveries that were begun: their references are there, their rows perhaps. */
  readonly trying?: readonly LateAttempt[];
  /** One for each row and each queue item; the document goes with the last. */
  readonly refs: readonly string[];
  /** Put by a transfer then: its rows are still to come. */
  readonly waiting?: number;
  readonly size: number;
  readonly arrivedAt: number;
  /** Has been in a mailbox. */
  readonly local: boolean;
  /** Its text for SEARCH is wanted and not there. */
  readonly unprepared?: true;
  readonly reversePath: string;
  readonly ret: '' | 'FULL' | 'HDRS';
  readonly envid: string;
  readonly smtputf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  /** Of content that fits into one chunk. */
  readonly bytes?: Uint8Array;
  /** Of longer content: what its chunks' ids begin with. */
  readonly chunks?: string;
}

export interface DeliveryRecord {
  readonly account: string;
  readonly mailbox: string;
  readonly prefix: string;
  readonly mask: number;
  readonly keywords: readonly string[];
  readonly date: number;
}

export interface LateAttempt {
  readonly id: string;
  readonly by: string;
  readonly key: string;
  readonly mailbox: string;
}

/** [mailbox, UID, UIDVALIDITY] */
export type AppendedRecord = readonly [string, number, number];

export interface ChunkDocument {
  /** `SPOOL.NUMBER` */
  readonly _id: string;
  readonly bytes: Uint8Array;
}

/** A long message on its way: its chunks are swept if no content takes them. */
export interface SpoolDocument {
  readonly _id: string;
  readonly by: string;
  readonly at: number;
  /** The queue ID that took it; empty: it is being removed. */
  readonly content: string | null;
}

export interface SearchTextDocument {
  readonly _id: string;
  readonly body: string;
  readonly headers: string;
  readonly head: string | null;
  /** SearchFields as JSON. */
  readonly fields: string;
}

/** What a plugin remembers. */
export interface PluginStateDocument {
  /** `PLUGIN KEY` */
  readonly _id: string;
  readonly value: string;
  /** Milliseconds since 1970 UTC; null: never. */
  readonly expiresAt: number | null;
}

/** What a probe found out about the address that is its id. */
export interface ProbeResultDocument extends ProbeResult {
  readonly _id: string;
}

export interface ItemDocument extends QueueExtras {
  /** `QUEUEID.NUMBER`; its reference in the content is `qNUMBER`. */
  readonly _id: string;
  readonly content: string;
  /** Written then, but its message is not accepted yet: no claim sees it. */
  readonly draft?: number;
  readonly recipient: string;
  readonly original: string;
  readonly notify: readonly Notify[];
  readonly orcpt: string;
  readonly destination: string;
  /** 0 incoming, 1 deferred, 2 hold */
  readonly state: number;
  /** Of a leased item: when the lease ends. So one index finds what is due, whoever held it before. */
  readonly dueAt: number;
  /** Of a leased item: when it was due. */
  readonly wasDue: number;
  readonly attempts: number;
  readonly warned: boolean;
  readonly lastReply: Reply | null;
  /** The claim that holds it, and that claim's process; null where not leased. */
  readonly claim: string | null;
  readonly by: string | null;
  readonly size: number;
  readonly reversePath: string;
  readonly ret: '' | 'FULL' | 'HDRS';
  readonly envid: string;
  readonly smtputf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  readonly arrivedAt: number;
}

/** A change over several documents, recorded before its first step so that any process can finish or undo it. */
export type IntentDocument =
  | {
      readonly _id: string;
      readonly by: string;
      readonly kind: 'copy';
      readonly target: string;
      readonly contents: readonly string[];
      /** The originals are expunged here afterwards (MOVE). */
      readonly expunge: { readonly mailbox: string; readonly uids: string } | null;
      /** The ids of rows that it brings back: they are released afterwards. */
      readonly kept?: readonly string[];
      /** Another process takes it over: its own may do nothing more. */
      readonly judged?: true;
      /** What was found out, once for all. */
      readonly verdict?: 'made' | 'not made';
      /** When it had done what follows from the verdict. */
      readonly ended?: number;
    }
  | {
      readonly _id: string;
      readonly by: string;
      /** Mailboxes get these names. */
      readonly kind: 'tree';
      readonly account: string;
      readonly renames: readonly MailboxRename[];
    }
  | {
      readonly _id: string;
      readonly by: string;
      /** The account's mailboxes go with it. */
      readonly kind: 'account';
      readonly account: string;
    }
  | {
      readonly _id: string;
      readonly by: string;
      /** Accounts get these addresses: all or none. */
      readonly kind: 'addresses';
      readonly renames: readonly { readonly account: string; readonly from: string; readonly to: string }[];
    };

export type CopyIntent = Extract<IntentDocument, { kind: 'copy' }>;

export interface MailboxRename {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** What a copy of a row has from it; for a projection. */
export const ROW_COLUMNS = {
  _id: 0,
  uid: 1,
  mask: 1,
  keywords: 1,
  date: 1,
  size: 1,
  sentAt: 1,
  content: 1,
  prefix: 1,
} as const;

/** What goes from a row that is expunged. */
export const NO_MESSAGE = {
  mask: '',
  keywords: '',
  date: '',
  size: '',
  sentAt: '',
  content: '',
  ref: '',
  prefix: '',
} as const;

const hex8 = (value: number): string => value.toString(16).padStart(8, '0');

export const mailboxKey = (account: string, uidValidity: number): string => `${account}.${hex8(uidValidity)}`;
export const accountOfMailbox = (mailbox: string): string => mailbox.slice(0, 24);
export const uidValidityOfMailbox = (mailbox: string): number => Number.parseInt(mailbox.slice(25, 33), 16);
export const messageKey = (mailbox: string, uid: number): string => `${mailbox}.${hex8(uid)}`;

/** A mailbox, and some: with the account, which is the shard key, so that one shard is asked. */
export const oneMailbox = (mailbox: string) => ({ _id: mailbox, account: accountOfMailbox(mailbox) });
export const someMailboxes = (mailboxes: readonly string[]) => ({
  _id: { $in: [...mailboxes] },
  account: { $in: [...new Set(mailboxes.map(accountOfMailbox))] },
});

/** Rows of a mailbox that changed after a MODSEQ: by the index `modseq`, and on the shards that have the mailbox. */
export const changedSince = (mailbox: string, modseq: number) => ({
  _id: keysUnder(mailbox),
  mailbox,
  modseq: { $gt: modseq },
});

/** All ids that begin with `prefix` and a dot. */
export const keysUnder = (prefix: string): { readonly $gt: string; readonly $lt: string } => ({
  $gt: `${prefix}.`,
  $lt: `${prefix}/`,
});
