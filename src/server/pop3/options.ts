/** Dependencies of the POP3 server, and its limits. */
import type { Store } from '../../store/store.ts';
import {
  MAILBOX_LIMITS,
  type MailboxLimits,
  type MailboxServerOptions,
  type MailboxServices,
} from '../mailbox-server.ts';

export interface Pop3Limits extends MailboxLimits {
  /** Octets of a command line (RFC 5034 section 4 requires room for SASL responses). */
  readonly line: number;
  /** Unknown commands in a row before login, and afterwards. */
  readonly badCommandsBeforeLogin: number;
  readonly badCommands: number;
}

export const DEFAULT_LIMITS: Pop3Limits = {
  ...MAILBOX_LIMITS,
  line: 12_288,
  badCommandsBeforeLogin: 3,
  badCommands: 20,
  // RFC 1939 section 3.
  idleTimeout: 10 * 60_000,
  sessionsPerUser: 10,
};

export interface Pop3ServerOptions extends MailboxServerOptions {
  readonly store: Pick<Store, 'mailboxes' | 'content'>;
  readonly limits?: Partial<Pop3Limits>;
}

/** What sessions share. */
export interface Pop3Services
  extends MailboxServices,
    Omit<Pop3ServerOptions, 'limits' | 'certificates' | 'mechanisms'> {
  readonly limits: Pop3Limits;
}
