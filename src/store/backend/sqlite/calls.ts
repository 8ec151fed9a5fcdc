/**
 * The messages between the threads. Every operation is a row of one of two tables (WriterCalls, ReaderCalls):
 * its arguments and its result, both plain data. `bytes`, where an operation has it, is copied once into the
 * arena of its batch, and the arena is transferred.
 */
import type { Account, Id } from '../../../mail/account.ts';
import type { Forwarding } from '../../../mail/forwarding.ts';
import type { Mailbox, MailboxStatus, SpecialUse } from '../../../mail/mailbox.ts';
import type { SearchText } from '../../../mail/message.ts';
import type { Reply } from '../../../mail/status.ts';
import type { Finding } from '../../check.ts';
import type { ExpungedMessage } from '../../expunged.ts';
import type { MailboxError, SearchProgress, TextKey, UidRanges } from '../../mailboxes.ts';
import type { StateChange, StateEntry, StateKey } from '../../plugin-states.ts';
import type { Cleanup, Expiry, ProbeResult } from '../../probe-results.ts';
import type { QueueItem, QueueState } from '../../queue.ts';
import type { ContentRecord, CopyMark, MailboxRecord, StoredMailbox } from '../../transfer.ts';
import type { PackedStates } from '../flags.ts';
import type { IndexColumns } from '../index-columns.ts';
import type { MailboxColumns } from './mailbox-row.ts';

export interface DeliveryArgs {
  readonly account: number;
  readonly mailbox: number | string;
  readonly prefix: string;
  readonly mask: number;
  readonly keywords: readonly string[];
  readonly internalDate: number;
}

export interface ItemArgs {
  readonly recipient: string;
  readonly original: string;
  readonly notify: string;
  readonly orcpt: string;
  /** Null: the content's reverse path. */
  readonly sender: string | null;
  /** JSON of a ClientOrigin. */
  readonly client: string | null;
  readonly verp: string | null;
  readonly reports: number | null;
  readonly destination: string;
  readonly state: number;
}

/** A content and its envelope. */
export interface ContentArgs {
  readonly queueId: string;
  readonly arrivedAt: number;
  readonly reversePath: string;
  readonly ret: string;
  readonly envid: string;
  readonly smtputf8: number;
  readonly body: string;
  /** 0: the content is in `bytes`. */
  readonly spool: number;
  readonly size: number;
  readonly bytes?: Uint8Array;
}

export interface AcceptArgs extends ContentArgs {
  /** Null: the writer makes it of `bytes`. */
  readonly index: IndexColumns | null;
  readonly deliveries: readonly DeliveryArgs[];
  readonly items: readonly ItemArgs[];
}

export interface AcceptResult {
  readonly content: number;
  /** [mailbox, uid, uidvalidity] */
  readonly appended: readonly (readonly [number, number, number])[];
}

/**
 * One step of a change that may affect very many items: `next` is where the following step begins, null at the end.
 */
export interface ItemSlice {
  readonly queueIds?: readonly string[];
  readonly destination?: string;
  readonly state?: number;
  readonly after: number;
}
export interface ItemSliceResult {
  readonly count: number;
  readonly next: number | null;
}

export interface CopyResult {
  readonly uidValidity: number;
  readonly pairs: readonly (readonly [number, number])[];
  readonly modseq: number;
}

/** MessageRecord with packed flags. */
export interface PutMessage {
  readonly uid: number;
  readonly modseq: number;
  readonly mask: number;
  readonly keywords: readonly string[];
  readonly internalDate: number;
  readonly size: number;
  readonly prefix: string;
  readonly content: number;
  readonly sentAt: number | null;
}

/** ExpungedRecord with packed flags. */
export interface PutKept extends Omit<KeptMessage, 'id' | 'content'> {
  readonly content: number;
}

export interface PutItem extends ItemArgs {
  readonly dueAt: number;
  readonly attempts: number;
  readonly warned: number;
  /** JSON of a Reply. */
  readonly lastReply: string | null;
}

export interface DirectoryContents {
  readonly accounts: readonly Account[];
  readonly aliases: readonly (readonly [string, readonly string[]])[];
  readonly domains: readonly string[];
}

export interface WriterCalls {
  accept: { args: AcceptArgs; result: AcceptResult & { readonly messageId: string } };
  deliver: {
    args: {
      readonly content: number;
      readonly queueId: string;
      readonly now: number;
      readonly deliveries: readonly DeliveryArgs[];
    };
    result: AcceptResult;
  };
  /** `spool` 0 starts a new one. */
  writeSpool: {
    args: { readonly spool: number; readonly sequence: number; readonly bytes: Uint8Array };
    result: number;
  };
  discardSpool: { args: { readonly spool: number }; result: null };

  claimRecent: { args: { readonly mailbox: number; readonly upTo: number }; result: number };
  createMailbox: {
    args: { readonly account: number; readonly name: string; readonly specialUse: SpecialUse; readonly now: number };
    result: Mailbox;
  };
  renameMailbox: {
    args: { readonly account: number; readonly from: string; readonly to: string; readonly now: number };
    result: null;
  };
  /** `keptAt`: the messages are kept, as expunged then; null: they are gone. */
  removeMailbox: {
    args: { readonly account: number; readonly name: string; readonly keptAt: number | null };
    result: null;
  };
  subscribe: { args: { readonly account: number; readonly name: string; readonly subscribed: boolean }; result: null };
  store: {
    args: {
      readonly mailbox: number;
      readonly uids: UidRanges;
      readonly op: 'set' | 'add' | 'remove';
      readonly mask: number;
      readonly keywords: readonly string[];
      readonly unchangedSince: number | null;
    };
    result: { readonly changed: PackedStates; readonly conflicts: readonly number[] };
  };
  expunge: {
    args: {
      readonly mailbox: number;
      readonly uids: UidRanges | null;
      readonly force: boolean;
      /** As of removeMailbox. */
      readonly keptAt: number | null;
    };
    result: { readonly uids: readonly number[]; readonly modseq: number };
  };
  restoreKept: { args: { readonly messages: readonly number[]; readonly mailbox: number }; result: number };
  /** Whether there are more. */
  dropKept: { args: { readonly until: number }; result: boolean };
  copy: {
    args: { readonly mailbox: number; readonly uids: UidRanges; readonly target: number; readonly move: boolean };
    result: CopyResult;
  };

  loadDirectory: { args: null; result: DirectoryContents };
  createAccount: {
    args: { readonly address: string; readonly passwordHash: string; readonly quota: number; readonly now: number };
    result: Account;
  };
  updateAccount: {
    args: {
      readonly account: number;
      readonly passwordHash?: string;
      readonly disabled?: boolean;
      readonly quota?: number;
      readonly forwarding?: Forwarding | null;
    };
    result: Account;
  };
  renameAccounts: {
    args: { readonly renames: readonly { readonly account: number; readonly address: string }[] };
    result: readonly Account[];
  };
  removeAccount: { args: { readonly account: number }; result: null };
  setAlias: { args: { readonly address: string; readonly targets: readonly string[] }; result: null };
  setDomain: { args: { readonly domain: string; readonly served: boolean }; result: null };

  putPluginState: { args: StateKey & { readonly change: StateChange; readonly now: number }; result: boolean };
  /** One step: there may be more if it removed some. */
  sweepPluginStates: { args: { readonly now: number }; result: number };

  putProbeResult: { args: ProbeResult & { readonly address: string }; result: null };
  /** One step: there may be more if it dropped some. */
  cleanProbeResults: { args: Expiry; result: Cleanup };

  raiseUidValidity: { args: { readonly to: number }; result: null };
  markCopy: { args: { readonly mark: CopyMark | null }; result: null };
  putAccount: { args: Omit<Account, 'id'>; result: Account };
  putMailbox: {
    args: Omit<MailboxRecord, 'account'> & { readonly account: number; readonly as: number | null | undefined };
    result: Mailbox;
  };
  putContent: { args: ContentArgs & { readonly index: IndexColumns }; result: number };
  putMessages: { args: { readonly mailbox: number; readonly messages: readonly PutMessage[] }; result: null };
  removeMessages: {
    args: { readonly mailbox: number; readonly uids: readonly number[]; readonly modseq: number };
    result: null;
  };
  /** `check`: an index of CHECKS. */
  mend: { args: { readonly check: number }; result: null };
  recount: { args: { readonly mailbox: number }; result: null };
  putIndex: { args: { readonly content: number; readonly index: IndexColumns }; result: boolean };
  putKept: { args: { readonly account: number; readonly messages: readonly PutKept[] }; result: null };
  removeKept: { args: { readonly messages: readonly number[] }; result: null };
  putItems: { args: { readonly content: number; readonly items: readonly PutItem[] }; result: null };

  claim: {
    args: {
      readonly now: number;
      readonly limit: number;
      readonly leaseMs: number;
      readonly exclude: readonly string[];
    };
    result: readonly QueueItem[];
  };
  nextDue: { args: null; result: number | null };
  settle: {
    args: readonly {
      readonly item: number;
      readonly outcome: 'done' | 'deferred' | 'released';
      readonly dueAt?: number;
      readonly reply?: Reply;
      readonly warned?: boolean;
    }[];
    result: null;
  };
  flush: { args: ItemSlice & { readonly now: number }; result: ItemSliceResult };
  hold: { args: ItemSlice; result: ItemSliceResult };
  release: { args: ItemSlice & { readonly now: number }; result: ItemSliceResult };
  redirect: { args: ItemSlice & { readonly to: string; readonly now: number }; result: ItemSliceResult };
  removeItems: { args: ItemSlice; result: ItemSliceResult };
  recover: { args: null; result: null };
}

/** Rows of one page, by column. */
export interface RowsPage {
  readonly states: PackedStates;
  readonly internalDates: number[];
  readonly sizes: number[];
  readonly prefixes: string[];
  readonly contents: number[];
  readonly sentAts: (number | null)[];
  readonly envelopes: string[] | null;
  readonly bodyStructures: string[] | null;
  readonly roots: string[] | null;
  readonly searches: string[] | null;
  /** Null where the content is long. */
  readonly octets: (Uint8Array | null)[] | null;
  /** Where the following page begins: index of the range and UID; null at the end. */
  readonly next: readonly [number, number] | null;
}

/** The prepared texts of one page, by UID. */
export interface TextsPage {
  readonly uids: number[];
  readonly envelopes: string[] | null;
  readonly bodyStructures: string[] | null;
  /** As in RowsPage. */
  readonly next: readonly [number, number] | null;
}

/** Columns of messages in the order of their UIDs; index i of each is one message. */
export interface Columns {
  readonly uids: Uint32Array;
  readonly modseqs: Float64Array;
  readonly masks: Uint8Array;
  /** Indexes into `keywordSets`; 0 is the empty set. */
  readonly keywords: Uint32Array;
  /** Keywords of a message, separated by a space. */
  readonly keywordSets: readonly string[];
  readonly internalDates: Float64Array;
  readonly sizes: Uint32Array;
  /** NaN where the message has no valid Date field. */
  readonly sentAts: Float64Array;
  readonly contents: Float64Array;
  /**
   * Indexes into `prefixSets`, for most rows have the prefix of another one; 0 is the empty one. NOT_KEPT where there
   * were too many different ones: senders of bulk mail have another return path for each message.
   */
  readonly prefixes: Uint32Array;
  readonly prefixSets: readonly string[];
}

export const NOT_KEPT = 0xffff_ffff;

/** Some messages of a mailbox, in the order of UIDs, and the mailbox at the same MODSEQ. */
export interface MailboxSection {
  readonly mailbox: MailboxColumns;
  /** Keywords in use in the mailbox. */
  readonly known: readonly string[];
  readonly columns: Columns;
}

export interface MailboxChanges {
  readonly mailbox: MailboxColumns;
  readonly known: readonly string[];
  /** New and changed messages; undefined if there are more than asked for, or expunges were forgotten. */
  readonly columns: Columns | undefined;
  readonly vanished: readonly number[];
}

/** In the order of kept messages. */
export type KeptPlace = readonly [uidValidity: number, uid: number, id: number];

/** ExpungedMessage with packed flags. */
export interface KeptMessage extends Omit<ExpungedMessage, 'flags'> {
  readonly mask: number;
  readonly keywords: string;
}

/** A ContentRecord before its JSON is read. */
export interface StoredContent extends Omit<ContentRecord, 'index'> {
  readonly index: IndexColumns;
}

/** A page of a mailbox's messages: in which ranges, from which range and UID on, with which columns. */
export interface PageArgs {
  readonly mailbox: number;
  readonly uids: UidRanges;
  readonly from: readonly [number, number];
  readonly columns: number;
}

export interface ReaderCalls {
  loadDirectory: { args: null; result: DirectoryContents };
  listMailboxes: { args: { readonly account: number }; result: readonly Mailbox[] };
  findMailbox: { args: { readonly account: number; readonly name: string }; result: Mailbox | null };
  status: { args: { readonly mailbox: number }; result: MailboxStatus };
  /** The first `most` messages with a UID above `after`. */
  mailboxSection: {
    args: { readonly mailbox: number; readonly after: number; readonly most: number };
    result: MailboxSection;
  };
  mailboxChanges: {
    args: { readonly mailbox: number; readonly modseq: number };
    result: MailboxChanges;
  };
  subscriptions: { args: { readonly account: number }; result: readonly string[] };
  rows: { args: PageArgs; result: RowsPage };
  /** `columns`: WITH_ENVELOPE and WITH_BODY_STRUCTURE. */
  texts: { args: PageArgs; result: TextsPage };
  changes: {
    args: { readonly mailbox: number; readonly modseq: number };
    result: { readonly changed: PackedStates; readonly vanished: readonly number[]; readonly highestModseq: number };
  };
  readContent: {
    args: { readonly content: number; readonly start: number; readonly end: number | null };
    result: Uint8Array;
  };
  contentSize: { args: { readonly content: number }; result: number };
  listItems: { args: ItemSlice; result: { readonly items: readonly QueueItem[]; readonly next: number | null } };
  /** `after`: where the page before ended. */
  listKept: {
    args: { readonly account: number; readonly after: KeptPlace };
    result: { readonly messages: readonly KeptMessage[]; readonly next: KeptPlace | null };
  };
  findProbeResult: { args: { readonly address: string }; result: ProbeResult | null };
  pluginState: { args: StateKey & { readonly now: number }; result: string | null };
  pluginStateEntries: { args: { readonly after: StateKey | null }; result: readonly StateEntry[] };
  pluginStateKeys: {
    args: { readonly plugin: string; readonly prefix: string; readonly limit: number; readonly now: number };
    result: readonly string[];
  };
  mailboxRecords: { args: { readonly account: number }; result: readonly StoredMailbox[] };
  contentRecords: { args: { readonly contents: readonly number[] }; result: readonly (StoredContent | null)[] };
  contentsOf: { args: { readonly queueIds: readonly string[] }; result: readonly (Id | null)[] };
  uidValidity: { args: null; result: number };
  copyMark: { args: null; result: CopyMark | null };
  /** `check`: an index of CHECKS. The first findings, and how many there are. */
  inspect: {
    args: { readonly check: number };
    result: { readonly checked: number; readonly wrong: number; readonly findings: readonly Omit<Finding, 'mended'>[] };
  };
  /** Contents to which something refers, the next ones after an id. */
  contentIds: { args: { readonly after: number }; result: readonly number[] };
  searchText: { args: { readonly content: number }; result: SearchText | null };
  /** Contents in ascending order. Answers for the first of them only, at least one, where it takes long. */
  searchContents: { args: { readonly contents: Float64Array; readonly key: TextKey }; result: Uint8Array };
  putSearchText: { args: { readonly content: number; readonly text: SearchText }; result: null };
  /** `more`: calling again may return others, or find texts to delete. */
  unpreparedSearch: {
    args: { readonly limit: number };
    result: { readonly contents: readonly number[]; readonly more: boolean };
  };
  /** Counts one section; `next` is where the following one begins, null at the end. */
  searchProgress: { args: { readonly after: number }; result: SearchProgress & { readonly next: number | null } };
  discardSearch: { args: null; result: null };
}

/** A call to the reader, which is started by the first one. */
export type Read = <Name extends keyof ReaderCalls>(
  name: Name,
  args: ReaderCalls[Name]['args'],
) => Promise<ReaderCalls[Name]['result']>;

/** The shape of every table of calls. */
export type Calls<Table> = { [Name in keyof Table]: { args: unknown; result: unknown } };
export type Handlers<Table extends Calls<Table>, Context> = {
  readonly [Name in keyof Table]: (context: Context, args: Table[Name]['args']) => Table[Name]['result'];
};

/** `close` is the last call to every worker: it closes its files and exits. */
export interface Request {
  readonly id: number;
  readonly name: string;
  readonly args: unknown;
}

/** The octets of a call, which travel in an arena. */
export function bytesOf(args: unknown): Uint8Array | undefined {
  return typeof args === 'object' && args !== null && 'bytes' in args
    ? (args as { readonly bytes?: Uint8Array }).bytes
    : undefined;
}

/** Why a request failed, in a form that crosses threads. */
export type Failure =
  | { readonly kind: 'mailbox'; readonly reason: MailboxError['reason']; readonly message: string }
  | { readonly kind: 'full'; readonly message: string }
  | { readonly kind: 'damaged'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string; readonly stack: string };

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure };

/** A change to an account's mailboxes, on its way to the watchers; states are packed. */
export type PackedChange =
  | {
      readonly kind: 'append' | 'flags';
      readonly account: number;
      readonly mailbox: number;
      readonly states: PackedStates;
    }
  | {
      readonly kind: 'expunge';
      readonly account: number;
      readonly mailbox: number;
      readonly uids: readonly number[];
      readonly modseq: number;
    }
  | { readonly kind: 'mailbox'; readonly account: number; readonly mailbox: number };

/** From a worker: once at the start, then after every commit. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly changes: readonly PackedChange[] }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };

export const QUEUE_STATES: readonly QueueState[] = ['incoming', 'deferred', 'hold'];

/** Bits of `columns` in a `rows` call. */
export const WITH_ENVELOPE = 1;
export const WITH_BODY_STRUCTURE = 2;
export const WITH_ROOT = 4;
export const WITH_SEARCH = 8;
export const WITH_OCTETS = 16;
