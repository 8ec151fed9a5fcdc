/**
 * The entry point for every message: SMTP, LMTP, submission by command, and our own notifications.
 *
 * An intake gathers one message's octets, calls `data_post` and `queue`, expands and routes the recipients, and makes
 * content, mailbox rows and queue items durable in one transaction (`Store.accept`). `end` resolves with a reply only
 * after that.
 */
import type { Connection, Transaction } from '../../bus/hook.ts';
import type { Envelope } from '../../mail/envelope.ts';
import type { Reply } from '../../mail/status.ts';
import type { ClientAttributes } from '../../protocol/smtp/client-attributes.ts';
import type { MilterSession } from '../milter/session.ts';

export interface Incoming {
  /** Null for notifications of our own, and for messages that a local user submits by the sendmail command. */
  readonly connection: Connection | null;
  readonly transaction: Transaction;
  readonly envelope: Envelope;
  /** A notification of our own: one to a sender, or a session's transcript. */
  readonly report?: 'bounce' | 'notify';
  /** From the queue. */
  readonly again?: true;
  /** From the queue, because an alias could not be expanded: it stays there where that is still so. */
  readonly waited?: true;
  /** The local user who submits it; `fullName` is for a missing From, '' for none. */
  readonly submitter?: { readonly uid: number; readonly fullName: string };
  /**
   * All CRs before an LF belong to the line end, because the client is exempt from smtpd_forbid_bare_newline. Otherwise
   * only one does.
   */
  readonly foldsCrs?: boolean;
  /** The milters of the session; null or absent: none looks at the message. */
  readonly milters?: MilterSession | null;
  /** What XFORWARD said of the client; absent: nothing. */
  readonly forwarded?: ClientAttributes;
  /** AUTH of MAIL as it was written; '' or absent: none. */
  readonly saslSender?: string;
  /** The delimiters with which each recipient gets a sender of its own; '' or absent: none does. */
  readonly verp?: string;
  /** The sender is told how the first attempt went (`sendmail -v`). */
  readonly reports?: boolean;
}

/**
 * A message being received, of any length: the caller enforces message_size_limit and counts octets. Octets as received
 * after dot-unstuffing; see protocol/mime/line-end.ts for bare LF and stray CR.
 */
export interface Intake {
  /** A promise if the sender has to wait (backpressure); undefined if more may be written at once. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The reply for the client: `250 2.0.0 Ok: queued as …`, or a refusal. Never rejects. */
  end(): Promise<Reply>;
  /** The log says already that and why the message was refused. */
  readonly refusalIsLogged: boolean;
  /** The sender disconnected: nothing was accepted. */
  abort(): void;
}

export interface Receiver {
  begin(incoming: Incoming): Intake;
}
