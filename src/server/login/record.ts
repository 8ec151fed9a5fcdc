/**
 * Records a session's login attempts, and logs them with the messages of Dovecot 2.3 (which fail2ban and administrators
 * know).
 */
import type { Log } from '../../log.ts';
import type { LineConnection } from '../../net/connection.ts';
import type { MailboxServices } from '../mailbox-server.ts';

/** The outcome of the last attempt. `known`: the password was right, whatever followed. */
type Progress =
  | 'none'
  | 'unfinished'
  | 'authenticating'
  | 'failed'
  | 'unavailable'
  | 'unsupported'
  | 'plaintext'
  | 'certificate'
  | 'known';

type RecordServices = Pick<MailboxServices, 'loginLog' | 'certificates' | 'clock'>;

export class LoginRecord {
  readonly #connection: LineConnection;
  readonly #startedAt: number;
  readonly #log: Log;
  readonly #wantsCertificate: boolean;
  #user = '';
  #method = '';
  #attempts = 0;
  #failures = 0;
  #progress: Progress = 'none';
  /** When the first attempt began. */
  #attemptedAt = 0;

  /** Its lines have the process `imap-login`. */
  constructor(connection: LineConnection, { loginLog, certificates, clock }: RecordServices) {
    this.#connection = connection;
    this.#log = loginLog;
    this.#wantsCertificate = certificates.required;
    this.#startedAt = clock();
  }

  /** Attempts that were wrong. */
  get failures(): number {
    return this.#failures;
  }

  /** The login name last given, sanitized for a log line; '' before. */
  get user(): string {
    return this.#user;
  }

  /** An attempt starts: a SASL exchange, or a name and password in a command. */
  begin(method: string, now: number): void {
    if (this.#attempts === 0) this.#attemptedAt = now;
    this.#attempts += 1;
    this.#method = method.replace(/[^\x21-\x7e]|[<>,]/g, '?').slice(0, 30);
    this.#progress = 'unfinished';
  }

  /** The attempt's name and password have arrived and are being checked. */
  named(user: string): void {
    // Peer input must not be able to start a log line of its own or fill the disk.
    this.#user = user.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200);
    this.#progress = 'authenticating';
  }

  /**
   * The attempt failed. `unavailable`: the password was not checked, because that is impossible now or too many logins
   * are waiting.
   */
  failed(how: 'failed' | 'unavailable' = 'failed'): void {
    if (how === 'failed') this.#failures += 1;
    this.#progress = how;
  }

  /**
   * The attempt was refused before it started: no such mechanism, a password on a connection that could be overheard,
   * or no certificate.
   */
  refused(why: 'unsupported' | 'plaintext' | 'certificate'): void {
    this.#progress = why;
  }

  /** The password was right. */
  known(): void {
    this.#progress = 'known';
  }

  succeeded(): void {
    this.#log.info({ session: this.#connection.id }, `Login: ${this.#who()}`);
  }

  /** The session ended without a login. */
  ended(why: string, now: number): void {
    this.#log.info({ session: this.#connection.id }, `Disconnected: ${why}${this.#tried(now)}: ${this.#who()}`);
  }

  /** client_get_extra_disconnect_reason of Dovecot 2.3.19. */
  #tried(now: number): string {
    const secondsSince = (then: number): number => Math.floor((now - then) / 1000);
    const { tls } = this.#connection;
    if (this.#wantsCertificate && tls !== null && tls.peer?.trusted !== true)
      return tls.peer === null ? " (client didn't send a cert)" : ' (client sent an invalid cert)';
    const only = this.#attempts === 1;
    if (only && this.#progress === 'unfinished')
      return ` (client didn't finish SASL auth, waited ${secondsSince(this.#attemptedAt)} secs)`;
    if (only && this.#progress === 'authenticating')
      return ` (disconnected while authenticating, waited ${secondsSince(this.#attemptedAt)} secs)`;
    switch (this.#progress) {
      case 'none':
        return ` (no auth attempts in ${secondsSince(this.#startedAt)} secs)`;
      case 'unfinished':
      case 'authenticating':
      case 'failed':
        return ` (auth failed, ${this.#attempts} attempts in ${secondsSince(this.#attemptedAt)} secs)`;
      case 'unavailable':
        return ' (auth service reported temporary failure)';
      case 'unsupported':
        return ' (tried to use unsupported auth mechanism)';
      case 'plaintext':
        return ' (tried to use disallowed plaintext auth)';
      case 'certificate':
        return " (cert required, client didn't start TLS)";
      case 'known':
        return '';
    }
  }

  #who(): string {
    const { remote, local, tls, id } = this.#connection;
    const method = this.#method === '' ? '' : ` method=${this.#method},`;
    return `user=<${this.#user}>,${method} rip=${remote.ip}, lip=${local.ip}${tls === null ? '' : ', TLS'}, session=<${id}>`;
  }
}
