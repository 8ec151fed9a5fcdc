/**
 * Sessions that finished a transaction and may take another (Postfix: scache(8)): kept for
 * smtp_connection_cache_time_limit, used for no longer than smtp_connection_reuse_time_limit and no more often than
 * smtp_connection_reuse_count_limit. Bounded: the session idle longest is evicted.
 */
import type { Clock } from '../../clock.ts';
import type { SmtpSession } from './smtp-session.ts';

export interface PoolLimits {
  /** ms; 0 keeps none. */
  readonly idle: number;
  readonly age: number;
  /** Transactions in one session; 0 means no limit. */
  readonly count: number;
}

interface Entry {
  readonly key: string;
  readonly session: SmtpSession;
  readonly timer: NodeJS.Timeout;
}

const MAX_IDLE = 100;

export class SessionPool {
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  readonly #idle = new Set<Entry>();
  readonly #openedAt = new WeakMap<SmtpSession, number>();
  #closed = false;

  constructor(limits: PoolLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A cached session with this key, or null. */
  take(key: string): SmtpSession | null {
    for (const entry of this.#idle) {
      if (entry.key !== key) continue;
      this.#remove(entry);
      if (entry.session.usable) return entry.session;
    }
    return null;
  }

  opened(session: SmtpSession): void {
    this.#openedAt.set(session, this.#clock());
  }

  /** Caches a session that is ready for MAIL FROM, or closes it. */
  put(key: string, session: SmtpSession): void {
    const { idle, age, count } = this.#limits;
    const old = this.#clock() - (this.#openedAt.get(session) ?? 0) >= age;
    if (this.#closed || idle === 0 || old || !session.usable || (count > 0 && session.count >= count)) {
      session.quit();
      return;
    }
    const entry: Entry = { key, session, timer: setTimeout(() => this.#expire(entry), idle) };
    entry.timer.unref();
    this.#idle.add(entry);
    const [oldest] = this.#idle;
    if (this.#idle.size > MAX_IDLE && oldest !== undefined) this.#expire(oldest);
  }

  close(): void {
    this.#closed = true;
    for (const entry of this.#idle) {
      this.#remove(entry);
      entry.session.destroy();
    }
  }

  #expire(entry: Entry): void {
    this.#remove(entry);
    entry.session.quit();
  }

  #remove(entry: Entry): void {
    clearTimeout(entry.timer);
    this.#idle.delete(entry);
  }
}
