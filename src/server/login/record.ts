/** Who logged in how, and the log lines about it in the words of Dovecot 2.3 (fail2ban and people know them). */
import type { Log } from '../../log.ts';
import type { LineConnection } from '../../net/connection.ts';

/** What became of the last attempt. `known`: the password was right, whatever came of it. */
type Progress =
  | 'none'
  | 'unfinished'
  | 'authenticating'
  | 'failed'
  | 'unavailable'
  | 'unsupported'
  | 'plaintext'
  | 'known';

export class LoginRecord {
  readonly #connection: LineConnection;
  readonly #startedAt: number;
  readonly #log: Log;
  #user = '';
  #method = '';
  #attempts = 0;
  #failures = 0;
  #progress: Progress = 'none';
  /** When the first attempt began. */
  #attemptedAt = 0;

  /** `log` gets the lines of the login dialog: process `imap-login`. `startedAt`: ms since 1970 UTC. */
  constructor(connection: LineConnection, log: Log, startedAt: number) {
    this.#connection = connection;
    this.#log = log;
    this.#startedAt = startedAt;
  }

  /** Attempts that did not end in a login. */
  get failures(): number {
    return this.#failures;
  }

  /** The login name as last given, fit for a log line; '' before. */
  get user(): string {
    return this.#user;
  }

  /** An attempt begins: a SASL exchange, or a name and password in a command. */
  begin(method: string, now: number): void {
    if (this.#attempts === 0) this.#attemptedAt = now;
    this.#attempts += 1;
    this.#method = method.replace(/[^\x21-\x7e]|[<>,]/g, '?').slice(0, 30);
    this.#progress = 'unfinished';
  }

  /** The attempt's name and password are here, and are being checked. */
  named(user: string): void {
    // What a peer sends must not be able to begin a log line of its own, or fill the disk.
    this.#user = user.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200);
    this.#progress = 'authenticating';
  }

  /**
   * The attempt failed. `unavailable`: whether the password is right was not said, the answer is not known now or
   * logins wait.
   */
  failed(how: 'failed' | 'unavailable' = 'failed'): void {
    this.#failures += 1;
    this.#progress = how;
  }

  /** The attempt was refused before it began: no such mechanism, or a password where it could be overheard. */
  refused(why: 'unsupported' | 'plaintext'): void {
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

  /** Dovecot's client_get_extra_disconnect_reason, of its 2.3.19. */
  #tried(now: number): string {
    const secondsSince = (then: number): number => Math.floor((now - then) / 1000);
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
