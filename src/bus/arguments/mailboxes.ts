/** The hooks of mailboxes and of the sessions that read them, with their arguments. */
import type { Account } from '../../mail/account.ts';
import type { SpecialUse } from '../../mail/mailbox.ts';

export interface MailboxHooks {
  /** After a successful login, before the session opens. */
  imap_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
  pop3_login: { readonly account: Account; readonly remoteIp: string; readonly tls: boolean };
  /** Before a command of a client that has logged in. DENY refuses it. */
  imap_command: {
    readonly session: MailboxSession;
    /** In capitals; of a UID command both words. */
    readonly command: string;
    /** As sent, without a message and at most 1000 octets; a literal is in it with its size. */
    readonly argument: string;
    /** The selected mailbox; null if none is. */
    readonly mailbox: string | null;
  };
  pop3_command: { readonly session: MailboxSession; readonly command: string; readonly argument: string };
  /** Messages came into a mailbox, by delivery or IMAP APPEND. */
  message_appended: MailboxEvent & { readonly messages: readonly MailboxMessage[] };
  /** IMAP MOVE; `messages` as they are in `mailbox`, where they are now. */
  message_moved: MailboxEvent & { readonly from: MailboxName; readonly messages: readonly MailboxMessage[] };
  /** IMAP COPY, likewise. */
  message_copied: MailboxEvent & { readonly from: MailboxName; readonly messages: readonly MailboxMessage[] };
  /** Messages were expunged by IMAP or POP3. */
  message_deleted: MailboxEvent & { readonly uids: readonly number[] };
}

/** Who reads mail. */
export interface MailboxSession {
  readonly id: string;
  readonly account: Account;
  readonly remoteIp: string;
  readonly tls: boolean;
}

export interface MailboxName {
  readonly name: string;
  /** `\\Junk`, `\\Sent` …; '' for an ordinary mailbox. */
  readonly specialUse: SpecialUse;
}

export interface MailboxEvent {
  readonly account: Account;
  readonly mailbox: MailboxName;
}

export interface MailboxMessage {
  readonly uid: number;
  /** The message's octets; none if it is gone by now. */
  read(): AsyncIterable<Buffer>;
}
