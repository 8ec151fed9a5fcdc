/** Dependencies of the IMAP server, and its limits. */
import type { Directory } from '../../store/directory.ts';
import type { Store } from '../../store/store.ts';
import {
  MAILBOX_LIMITS,
  type MailboxLimits,
  type MailboxServerOptions,
  type MailboxServices,
} from '../mailbox-server.ts';
import type { ServerAnnotations } from './annotations.ts';

export interface ImapLimits extends MailboxLimits {
  /** Octets of a command with its literals, without APPEND's message. */
  readonly command: number;
  /** Octets of one literal within a command. */
  readonly literal: number;
  /** Octets of a message given to APPEND (Postfix: message_size_limit); 0 means no limit. */
  readonly message: number;
  /** Bad commands before login, after which the session ends; after login five times as many in a row. */
  readonly badCommands: number;
}

export const DEFAULT_LIMITS: ImapLimits = {
  ...MAILBOX_LIMITS,
  command: 64 * 1024,
  literal: 32 * 1024,
  message: 50 * 1024 * 1024,
  badCommands: 10,
  // RFC 9051 section 5.4.
  idleTimeout: 30 * 60_000,
  // Clients open one session for each mailbox they watch, and several clients may share an address.
  sessionsPerUser: 50,
};

export interface ImapServerOptions extends MailboxServerOptions {
  readonly store: Pick<Store, 'mailboxes' | 'content' | 'accept'> & {
    readonly directory: Pick<Directory, 'get' | 'update'>;
  };
  readonly annotations: ServerAnnotations;
  /** Returns a queue ID for each appended message. */
  readonly newQueueId: () => string;
  readonly limits?: Partial<ImapLimits>;
}

/** What sessions share. */
export interface ImapServices
  extends MailboxServices,
    Omit<ImapServerOptions, 'limits' | 'certificates' | 'mechanisms'> {
  readonly limits: ImapLimits;
  /** Announced after login, names separated by spaces. */
  readonly capabilities: string;
}
