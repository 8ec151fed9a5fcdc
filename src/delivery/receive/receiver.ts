/**
 * The way in for every message: SMTP, LMTP, IMAP-less submission by command, and our own notifications.
 *
 * An intake gathers one message's octets, asks `data_post` and `queue`, expands and routes the
 * recipients, and makes content, mailbox rows and queue items durable in one act (`Store.accept`).
 * The reply of `end` is given only after that.
 */
import type { Connection, Transaction } from '../../bus/hook.ts';
import type { Envelope } from '../../mail/envelope.ts';
import type { Reply } from '../../mail/status.ts';

export interface Incoming {
  /** Null for messages made by the house itself (notifications, `posthorn sendmail`). */
  readonly connection: Connection | null;
  readonly transaction: Transaction;
  readonly envelope: Envelope;
  /**
   * CRs in front of an LF all belong to the line end: the client is not under smtpd_forbid_bare_newline. Otherwise only
   * one does.
   */
  readonly foldsCrs?: boolean;
}

/**
 * One message on its way in, of any length: who sends it keeps message_size_limit and counts its octets. Octets as on
 * the wire after dot-unstuffing; protocol/mime/line-end.ts says what becomes of bare LF and stray CR.
 */
export interface Intake {
  /** A promise where the sender has to wait (back-pressure); undefined where more may come at once. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** The answer to the client: `250 2.0.0 Ok: queued as …`, or a refusal. Never rejects. */
  end(): Promise<Reply>;
  /** The sender went away: nothing was accepted. */
  abort(): void;
}

export interface Receiver {
  begin(incoming: Incoming): Intake;
}
