/** Who logged in how, and the log lines about it in the words of Dovecot 2.3 (fail2ban and people know them). */
import type { Log } from '../log.ts';
import type { LineConnection } from '../net/connection.ts';

export class LoginRecord {
  readonly #connection: LineConnection;
  readonly #startedAt: number;
  readonly #log: Log;
  #user = '';
  #method = '';
  #failures = 0;
  /** `exchanging`: a SASL mechanism was begun. `known`: the password was right, whatever came of it. */
  #progress: 'none' | 'exchanging' | 'failed' | 'known' = 'none';
  #exchangingSince = 0;

  /** `log` gets the lines of the login dialog: process `imap-login`. `startedAt`: ms since 1970 UTC. */
  constructor(connection: LineConnection, log: Log, startedAt: number) {
    this.#connection = connection;
    this.#log = log;
    this.#startedAt = startedAt;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The login name as last given, fit for a log line; '' before. */
  get user(): string {
    return this.#user;
  }

  /** A SASL exchange begins. */
  exchanging(method: string, now: number): void {
    this.#user = '';
    this.#method = method;
    this.#progress = 'exchanging';
    this.#exchangingSince = now;
  }

  attempt(user: string, method: string): void {
    // What a peer sends must not be able to begin a log line of its own, or fill the disk.
    this.#user = user.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200);
    this.#method = method;
  }

  failed(): void {
    this.#failures += 1;
    this.#progress = 'failed';
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

  #tried(now: number): string {
    const secondsSince = (then: number): number => Math.floor((now - then) / 1000);
    switch (this.#progress) {
      case 'none':
        return ` (no auth attempts in ${secondsSince(this.#startedAt)} secs)`;
      case 'exchanging':
        return ` (client didn't finish SASL auth, waited ${secondsSince(this.#exchangingSince)} secs)`;
      case 'failed':
        return ` (auth failed, ${this.#failures} attempts in ${secondsSince(this.#startedAt)} secs)`;
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
