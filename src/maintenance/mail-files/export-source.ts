/** An account's mail on its way into files. The store is only read, perhaps while a server changes it. */
import type { Id } from '../../mail/account.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { StoreSource } from '../../store/source.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { EVERY_UID } from '../rows.ts';
import type { OnFault } from './mailbox.ts';

export interface ExportJob {
  readonly source: StoreSource;
  /** Users may expunge what is being written. */
  readonly isServed: boolean;
  readonly account: Id;
  onMessage(): void;
  onFault: OnFault;
  /** What is in the files in another way than here. */
  onNote(note: string): void;
}

export interface ExportedMail {
  readonly mailboxes: number;
  readonly messages: number;
  /** Of the messages, as they are here. */
  readonly octets: number;
}

/** Ascending by UID. */
export async function* rowsOf({ source }: ExportJob, { id }: StoredMailbox): AsyncGenerator<MessageRow> {
  for await (const rows of source.mailboxes.rows(id, EVERY_UID, {})) yield* rows;
}

/** Whether a message that could not be read was expunged meanwhile. */
export async function isGone({ source, isServed }: ExportJob, { id }: StoredMailbox, uid: number): Promise<boolean> {
  if (!isServed) return false;
  for await (const rows of source.mailboxes.rows(id, [[uid, uid]], {})) if (rows.length > 0) return false;
  return true;
}
