/** Who logged in how, and the log lines about it in Dovecot's words (fail2ban and people know them). */
import type { Log } from '../../log.ts';
import type { LineConnection } from '../../net/connection.ts';
import type { Maildrop } from './maildrop.ts';

/** What a session fetched: messages and octets. */
export interface Traffic {
  top: number;
  topOctets: number;
  retr: number;
  retrOctets: number;
}

export class LoginRecord {
  readonly #connection: LineConnection;
  readonly #startedAt: number;
  readonly #log: Log;
  #user = '';
  #method = '';
  #failures = 0;

  constructor(connection: LineConnection, log: Log, startedAt: number) {
    this.#connection = connection;
    this.#log = log;
    this.#startedAt = startedAt;
  }

  get failures(): number {
    return this.#failures;
  }

  /** The login name as it may stand in a log line. */
  get user(): string {
    return this.#user;
  }

  attempt(user: string, method: string): void {
    // What a peer sends must not be able to begin a log line of its own, or fill the disk.
    this.#user = user.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200);
    this.#method = method;
  }

  failed(): void {
    this.#failures += 1;
  }

  succeeded(): void {
    this.#log.info({ session: this.#connection.id }, `Login: ${this.#who()}`);
  }

  /** The session ended without a login. */
  ended(why: string, now: number): void {
    const seconds = Math.floor((now - this.#startedAt) / 1000);
    const tried = this.#failures === 0 ? `no auth attempts in ${seconds} secs` : `auth failed, ${this.#failures} attempts in ${seconds} secs`;
    this.#log.info({ session: this.#connection.id }, `Disconnected: ${why} (${tried}): ${this.#who()}`);
  }

  #who(): string {
    const { remote, local, tls, id } = this.#connection;
    const method = this.#method === '' ? '' : ` method=${this.#method},`;
    return `user=<${this.#user}>,${method} rip=${remote.ip}, lip=${local.ip}${tls === null ? '' : ', TLS'}, session=<${id}>`;
  }
}

/** `Disconnected: Logged out top=0/0, retr=1/56, del=0/2, size=88` */
export function summary(how: string, { top, topOctets, retr, retrOctets }: Traffic, maildrop: Maildrop, removed: number): string {
  return `Disconnected: ${how} top=${top}/${topOctets}, retr=${retr}/${retrOctets}, del=${removed}/${maildrop.total}, size=${maildrop.totalSize}`;
}
