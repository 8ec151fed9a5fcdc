/** Mailboxes as another program keeps them in files, which are only read. */
import type { SpecialUse } from '../../mail/mailbox.ts';

export interface FileMessage {
  /** Null: that program has given it none. */
  readonly uid: number | null;
  readonly flags: readonly string[];
  /** In ms, whole seconds. */
  readonly internalDate: number;
  /** By which a person finds it. */
  readonly place: string;
  /** With CRLF, read as they are consumed. */
  octets(): AsyncIterable<Buffer>;
}

export interface FileMailbox {
  /** As here: levels separated by `/`, Unicode. */
  readonly name: string;
  readonly specialUse: SpecialUse;
  readonly subscribed: boolean;
  /** Null: the messages have no UIDs. */
  readonly uidValidity: number | null;
  /** Above all UIDs; 1 without UIDs. */
  readonly uidNext: number;
  /** How many messages, 0 where that is not known before they are read. */
  readonly expected: number;
  messages(): AsyncIterable<FileMessage>;
}

/** Something that cannot be brought: in words for a person, with the place. */
export type OnFault = (place: string, problem: string) => void;

export interface FileMailboxes {
  readonly mailboxes: readonly FileMailbox[];
  /** Subscribed names of which there is no mailbox. */
  readonly subscriptions: readonly string[];
}
