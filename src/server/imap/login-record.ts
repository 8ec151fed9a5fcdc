/** Who logged in how, and the log lines about it in Dovecot's words (fail2ban and people know them). */
import type { LineConnection } from '../../net/connection.ts';
import type { ImapServices } from './options.ts';

export class LoginRecord {
  readonly #connection: LineConnection;
  readonly startedAt: number;
  /** The login name as last given, '' before. */
  user = '';
  #method = '';
  #failures = 0;
  #loggedIn = false;

  constructor(connection: LineConnection, startedAt: number) {
    this.#connection = connection;
    this.startedAt = startedAt;
  }

  get failures(): number {
    return this.#failures;
  }

  attempt(user: string, method: string): void {
    // What a peer sends must not be able to begin a log line of its own, or fill the disk.
    this.user = user.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200);
    this.#method = method;
  }

  failed(): void {
    this.#failures += 1;
  }

  succeeded(services: ImapServices): void {
    this.#loggedIn = true;
    services.loginLog.info({ session: this.#connection.id }, `Login: ${this.#who()}`);
  }

  /** `how` is for sessions that were logged in. */
  logEnd(services: ImapServices, how: string, now: number): void {
    const { id } = this.#connection;
    if (this.#loggedIn) {
      services.sessionLog.info({ session: id }, `${how}: user=<${this.user}>, rip=${this.#connection.remote.ip}`);
      return;
    }
    const seconds = Math.floor((now - this.startedAt) / 1000);
    const why = this.#failures === 0 ? `no auth attempts in ${seconds} secs` : `auth failed, ${this.#failures} attempts in ${seconds} secs`;
    services.loginLog.info({ session: id }, `Disconnected (${why}): ${this.#who()}`);
  }

  #who(): string {
    const { remote, local, tls } = this.#connection;
    const method = this.#method === '' ? '' : ` method=${this.#method},`;
    return `user=<${this.user}>,${method} rip=${remote.ip}, lip=${local.ip}${tls === null ? '' : ', TLS'}`;
  }
}
