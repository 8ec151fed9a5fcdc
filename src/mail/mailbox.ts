/** Mailboxes and the rows of their messages (RFC 9051 sections 2.3 and 5.1). */
import type { Id } from './account.ts';

/** RFC 6154, without the backslash's escaping: `\Sent` and so on; '' for an ordinary mailbox. */
export type SpecialUse = '' | '\\Sent' | '\\Drafts' | '\\Junk' | '\\Trash' | '\\Archive' | '\\Flagged' | '\\All';

/** RFC 9051 section 5.1: every account has it. */
export const INBOX = { name: 'INBOX', specialUse: '' } as const;

/** The mailboxes with which every account is created, INBOX first. */
export const DEFAULT_MAILBOXES: readonly { readonly name: string; readonly specialUse: SpecialUse }[] = [
  INBOX,
  { name: 'Sent', specialUse: '\\Sent' },
  { name: 'Drafts', specialUse: '\\Drafts' },
  { name: 'Junk', specialUse: '\\Junk' },
  { name: 'Trash', specialUse: '\\Trash' },
  { name: 'Archive', specialUse: '\\Archive' },
];

/** Separates the levels of a mailbox name. */
export const HIERARCHY_SEPARATOR = '/';

export interface Mailbox {
  readonly id: Id;
  readonly account: Id;
  /** UTF-8 (modified UTF-7 is used only in the IMAP codec); INBOX in capitals. */
  readonly name: string;
  readonly specialUse: SpecialUse;
  readonly subscribed: boolean;
  /** RFC 9051 section 2.3.1.1: increases when a mailbox is created again under the same name. */
  readonly uidValidity: number;
  readonly uidNext: number;
  /** RFC 7162: the highest MODSEQ of any message that is or was in the mailbox; at least 1. */
  readonly highestModseq: number;
}

export interface MailboxStatus extends Mailbox {
  readonly messages: number;
  readonly unseen: number;
  readonly recent: number;
  readonly deleted: number;
  /** Octets of all messages. */
  readonly size: number;
}

/** System flags in the canonical case; anything else is a keyword. `\Recent` is never stored. */
export const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'] as const;

/** The mutable state of a message, which CONDSTORE reports. */
export interface MessageState {
  readonly uid: number;
  /** Below 2^53. */
  readonly modseq: number;
  /** System flags in canonical case, then keywords as first written. */
  readonly flags: readonly string[];
}
