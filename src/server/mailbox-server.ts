/** Shared by the mailbox servers, IMAP and POP3: their dependencies, and the limits of their sessions. */
import type { Hooks } from '../bus/hook.ts';
import { type EventServices, MailboxEvents } from '../bus/mailbox-events.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { LineConnection } from '../net/connection.ts';
import { isPlaintext, type SaslMechanism } from '../protocol/sasl/mechanism.ts';
import { findMechanism, USUAL_MECHANISMS } from '../protocol/sasl/table.ts';
import type { Cluster } from '../store/cluster.ts';
import type { Authenticator } from './login/authenticator.ts';
import { type CertificateRules, NO_CERTIFICATES } from './login/client-certificates.ts';
import { bindable } from './login/offer.ts';
import { SessionPlaces } from './login/session-places.ts';

export interface MailboxLimits {
  /** Failed logins after which the session ends. */
  readonly failedLogins: number;
  /** From the connection to the login, ms, whatever the client sends meanwhile. */
  readonly loginTimeout: number;
  /** Idle timeout after the login, ms. */
  readonly idleTimeout: number;
  /** Sessions of one account from one client (Dovecot: mail_max_userip_connections); 0 means no limit. */
  readonly sessionsPerUser: number;
  /** How long `close` waits for running commands, ms. */
  readonly closeGrace: number;
}

/** The limits that both share. */
export const MAILBOX_LIMITS = {
  failedLogins: 10,
  loginTimeout: 3 * 60_000,
  closeGrace: 5000,
} as const satisfies Partial<MailboxLimits>;

export interface MailboxServerOptions {
  readonly authenticator: Authenticator;
  readonly hooks: Hooks;
  readonly log: Log;
  readonly clock: Clock;
  /** Shown in the greeting: `name ready.` */
  readonly greetingName: string;
  /**
   * Whether a password may be sent on this connection although it has no TLS (Dovecot: disable_plaintext_auth,
   * login_trusted_networks).
   */
  readonly plaintextAuth: (connection: LineConnection) => boolean;
  /** STARTTLS and STLS are offered: there is a certificate. */
  readonly startTls: boolean;
  /** Of SASL, in the order in which they are offered; without it, PLAIN and LOGIN. */
  readonly mechanisms?: readonly SaslMechanism[];
  /** What certificates of clients are worth; without it, nothing. */
  readonly certificates?: CertificateRules;
  /** The processes over which sessions are counted; without it, this one. */
  readonly cluster?: Cluster | null;
}

/** What the sessions of one server share. */
export interface MailboxServices extends MailboxServerOptions {
  readonly protocol: 'imap' | 'pop3';
  readonly limits: MailboxLimits;
  readonly certificates: CertificateRules;
  readonly mechanisms: readonly SaslMechanism[];
  /**
   * Loggers for the login dialog, and for a session after it, with process names as in Dovecot: `imap-login`,
   * `imap(maomao)<session>`.
   */
  readonly loginLog: Log;
  readonly sessionLog: (user: string, session: string) => Log;
  readonly places: SessionPlaces;
  readonly events: MailboxEvents;
}

type Made = Pick<
  MailboxServices,
  'protocol' | 'certificates' | 'mechanisms' | 'log' | 'loginLog' | 'sessionLog' | 'places' | 'events'
>;

/** The services that a server creates for its sessions. */
export function makeServices(
  protocol: MailboxServices['protocol'],
  {
    log,
    cluster = null,
    certificates = NO_CERTIFICATES,
    mechanisms = USUAL_MECHANISMS,
    hooks,
    store,
  }: MailboxServerOptions & EventServices,
  limits: MailboxLimits,
): Made {
  return {
    protocol,
    certificates,
    mechanisms,
    log: log.child({ process: protocol }),
    loginLog: log.child({ process: `${protocol}-login` }),
    sessionLog: (user, session) => log.child({ process: `${protocol}(${user})<${session}>` }),
    events: new MailboxEvents({ hooks, store }),
    places: new SessionPlaces(limits.sessionsPerUser, { cluster, topic: `sessions of ${protocol}` }),
  };
}

/** A password may be sent on this connection: it cannot be overheard, or the configuration permits it. */
export const mayLogin = (
  connection: LineConnection,
  { plaintextAuth }: Pick<MailboxServerOptions, 'plaintextAuth'>,
): boolean => connection.tls !== null || plaintextAuth(connection);

/** Names and passwords may come in commands: as in Dovecot, LOGIN and PASS are the mechanism PLAIN. */
export const takesPasswords = ({ mechanisms }: Pick<MailboxServices, 'mechanisms'>): boolean =>
  findMechanism('PLAIN', mechanisms) !== undefined;

/** Those that this client may use now. */
export const offeredMechanisms = (
  connection: LineConnection,
  services: Pick<MailboxServices, 'mechanisms' | 'plaintextAuth'>,
): readonly SaslMechanism[] =>
  bindable(services.mechanisms, connection).filter(
    (mechanism) => !isPlaintext(mechanism) || mayLogin(connection, services),
  );
