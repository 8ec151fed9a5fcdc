/** What the POP3 server needs, and its limits. */
import type { Hooks } from '../../bus/hook.ts';
import type { Log } from '../../log.ts';
import type { LineConnection } from '../../net/connection.ts';
import type { Store } from '../../store/store.ts';
import type { Authenticator } from '../authenticator.ts';

export interface Pop3Limits {
  /** Octets of a command line (RFC 5034 section 4 wants room for SASL responses). */
  readonly line: number;
  /** Unknown commands in a row before login, and afterwards. */
  readonly badCommandsBeforeLogin: number;
  readonly badCommands: number;
  /** Failed logins after which the session ends. */
  readonly failedLogins: number;
  /** Silence before login and afterwards, ms (RFC 1939 section 3 wants 10 minutes). */
  readonly loginTimeout: number;
  readonly idleTimeout: number;
  /** How long the answer to a failed login waits, ms, times the failures so far. */
  readonly failureDelay: number;
  /** Sessions of one account from one address (Dovecot: mail_max_userip_connections). */
  readonly sessionsPerUser: number;
  /** How long `close` waits for commands that run, ms. */
  readonly closeGrace: number;
}

export const DEFAULT_LIMITS: Pop3Limits = {
  line: 12_288,
  badCommandsBeforeLogin: 3,
  badCommands: 20,
  failedLogins: 10,
  loginTimeout: 3 * 60_000,
  idleTimeout: 10 * 60_000,
  failureDelay: 1000,
  sessionsPerUser: 10,
  closeGrace: 5000,
};

export interface Pop3ServerOptions {
  readonly store: Pick<Store, 'mailboxes' | 'content'>;
  readonly authenticator: Authenticator;
  readonly hooks: Hooks;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** In the greeting: `name ready.` */
  readonly greetingName: string;
  /** Whether a password may be sent on this connection although it has no TLS (Dovecot: disable_plaintext_auth, login_trusted_networks). */
  readonly plaintextAuth: (connection: LineConnection) => boolean;
  /** STLS is offered: there is a certificate. */
  readonly startTls: boolean;
  readonly limits?: Partial<Pop3Limits>;
}

/** The same with every limit known: what sessions share. */
export interface Pop3Services extends Omit<Pop3ServerOptions, 'limits'> {
  readonly limits: Pop3Limits;
  /** Log lines of the login dialog, as Dovecot names them. */
  readonly loginLog: Log;
  /** Log lines of one session after its login: `pop3(maomao)<session>`. */
  readonly sessionLog: (user: string, session: string) => Log;
  /** Takes a place among the account's sessions; null where all are taken, else gives it back. */
  readonly admit: (key: string) => (() => void) | null;
}
