/**
 * Logins that other servers have refused for good (535), so that they are not tried again and again until the server
 * locks the account (smtp_sasl_auth_cache_name). Another password is another login. In memory, until a reload; bounded.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import type { PeerReply } from '../../protocol/smtp/reply-reader.ts';
import type { Credentials } from './smtp-session-login.ts';

const MOST = 1000;
const REFUSED = 535;

export class RefusedLogins {
  /** How long, ms; 0 remembers nothing. */
  readonly #time: number;
  readonly #clock: Clock;
  /** No password can be guessed from what is kept. */
  readonly #secret = randomBytes(32);
  readonly #kept = new LRUCache<string, { readonly reply: PeerReply; readonly until: number }>({ max: MOST });

  constructor(time: number, clock: Clock) {
    this.#time = time;
    this.#clock = clock;
  }

  find(host: string, credentials: Credentials): PeerReply | null {
    if (this.#time === 0) return null;
    const found = this.#kept.get(this.#keyOf(host, credentials));
    return found !== undefined && found.until > this.#clock() ? found.reply : null;
  }

  /** Other replies than a final refusal are not kept. */
  heard(host: string, credentials: Credentials, reply: PeerReply): void {
    if (this.#time > 0 && reply.code === REFUSED)
      this.#kept.set(this.#keyOf(host, credentials), { reply, until: this.#clock() + this.#time });
  }

  #keyOf(host: string, { user, password }: Credentials): string {
    return createHmac('sha256', this.#secret)
      .update(JSON.stringify([host.toLowerCase(), user, password]))
      .digest('base64');
  }
}
