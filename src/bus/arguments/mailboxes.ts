/** The hooks of mailboxes and of the sessions that read them, with their arguments. */
import type { Account } from '../../mail/account.ts';
import type { SpecialUse } from '../../mail/mailbox.ts';

export interface MailboxHooks {
  /** After a successful login, before the session opens. */
  imap_login: MailboxLogin;
  pop3_login: MailboxLogin;
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
  message_appended: MailboxEvent;
  /** IMAP MOVE; `uids` in `mailbox`, where they are now. */
  message_moved: MailboxEvent & { readonly from: MailboxName };
  /** IMAP COPY, likewise. */
  message_copied: MailboxEvent & { readonly from: MailboxName };
  /** Messages were expunged by IMAP or POP3. */
  message_deleted: MailboxEvent;
}

export interface MailboxLogin {
  readonly account: Account;
  readonly remoteIp: string;
  readonly tls: boolean;
  /** Of SASL: `SCRAM-SHA-256`; `PLAIN` for LOGIN and PASS too. */
  readonly mechanism: string;
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
  /** Of the messages; `server.messages.read` reads one. */
  readonly uids: readonly number[];
}
