/** What the IMAP server needs, and its limits. */
import type { Hooks } from '../../bus/hook.ts';
import type { Log } from '../../log.ts';
import type { LineConnection } from '../../net/connection.ts';
import type { Store } from '../../store/store.ts';
import type { Authenticator } from '../authenticator.ts';

export interface ImapLimits {
  /** Octets of a command with its literals, APPEND's message not counted. */
  readonly command: number;
  /** Octets of one literal within a command. */
  readonly literal: number;
  /** Octets of a message given to APPEND (Postfix: message_size_limit); 0 is without limit. */
  readonly message: number;
  /** Bad commands before login, after which the session ends; afterwards five times as many. */
  readonly badCommands: number;
  /** Failed logins after which the session ends. */
  readonly failedLogins: number;
  /** Silence before login and afterwards, ms (RFC 9051 section 5.4 wants 30 minutes). */
  readonly loginTimeout: number;
  readonly idleTimeout: number;
  /** How long the answer to a failed login waits, ms, times the failures so far. */
  readonly failureDelay: number;
  /** How long `close` waits for commands that run, ms. */
  readonly closeGrace: number;
}

export const DEFAULT_LIMITS: ImapLimits = {
  command: 64 * 1024,
  literal: 32 * 1024,
  message: 50 * 1024 * 1024,
  badCommands: 10,
  failedLogins: 10,
  loginTimeout: 3 * 60_000,
  idleTimeout: 30 * 60_000,
  failureDelay: 1000,
  closeGrace: 5000,
};

export interface ImapServerOptions {
  readonly store: Pick<Store, 'mailboxes' | 'content' | 'accept'>;
  readonly authenticator: Authenticator;
  readonly hooks: Hooks;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** In the greeting: `name ready.` */
  readonly greetingName: string;
  /** Whether a password may be sent on this connection although it has no TLS (Dovecot: disable_plaintext_auth, login_trusted_networks). */
  readonly plaintextAuth: (connection: LineConnection) => boolean;
  /** STARTTLS is offered: there is a certificate. */
  readonly startTls: boolean;
  /** A queue ID for each appended message. */
  readonly newQueueId: () => string;
  readonly limits?: Partial<ImapLimits>;
}

/** The same with every limit known: what sessions share. */
export interface ImapServices extends Omit<ImapServerOptions, 'limits'> {
  readonly limits: ImapLimits;
  /** Log lines of the login dialog and of sessions after it, as Dovecot names them. */
  readonly loginLog: Log;
  readonly sessionLog: Log;
}
