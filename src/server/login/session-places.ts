/**
 * How many sessions one account may have open from one client (Dovecot: mail_max_userip_connections), over all
 * processes.
 */
import type { Id } from '../../mail/account.ts';
import { limitKey } from '../../net/peer-address.ts';
import { Elsewhere, NOT_SHARED, type Sharing } from '../elsewhere.ts';

export class SessionPlaces {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();
  readonly #elsewhere: Elsewhere;

  /** `limit` 0 means no limit. */
  constructor(limit: number, sharing: Sharing) {
    this.#limit = limit;
    this.#elsewhere = new Elsewhere(limit > 0 ? sharing : NOT_SHARED, () => this.#taken);
  }

  /** Takes a place: null if all are taken, otherwise the function that releases it, to be called once. */
  take(account: Id, ip: string): (() => void) | null {
    const key = `${account} ${limitKey(ip)}`;
    const taken = this.#taken.get(key) ?? 0;
    if (this.#limit > 0 && taken + this.#elsewhere.count(key) >= this.#limit) return null;
    this.#taken.set(key, taken + 1);
    return () => {
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left > 0) this.#taken.set(key, left);
      else this.#taken.delete(key);
    };
  }

  /** When the last session is over. */
  end(): void {
    this.#elsewhere.end();
  }
}
