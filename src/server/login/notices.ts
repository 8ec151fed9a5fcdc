/**
 * Log lines about delayed logins, in the style of Dovecot's `auth` process. One line per state change, limited to a few
 * per minute, no matter how many addresses attack.
 */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';

const LINES_A_MINUTE = 20;
const MINUTE = 60_000;

/** Keys are those of login-throttle.ts: a client (net/peer-address.ts), a name, or both separated by a space. */
export class LoginNotices {
  readonly #log: Log;
  readonly #clock: Clock;
  #minute = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #leftOut = 0;
  #crowdedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Log, clock: Clock) {
    this.#log = log.child({ process: 'auth' });
    this.#clock = clock;
  }

  client(client: string, delaying: boolean, longest: number): void {
    const from = addressOf(client);
    if (delaying)
      this.#write('warn', `too many failed logins from ${from}: delaying its logins by up to ${seconds(longest)}`);
    else this.#write('info', `logins from ${from} are no longer delayed`);
  }

  pair(pair: string, delaying: boolean, longest: number): void {
    const blank = pair.indexOf(' ');
    const who = `${addressOf(pair.slice(0, blank))} as ${userOf(pair.slice(blank + 1))}`;
    if (delaying) this.#write('warn', `too many failed logins from ${who}: delaying them by up to ${seconds(longest)}`);
    else this.#write('info', `logins from ${who} are no longer delayed`);
  }

  name(name: string, delaying: boolean, longest: number): void {
    const words = `logins as ${userOf(name)}`;
    if (delaying)
      this.#write('warn', `too many failed ${words}: delaying those from new addresses by up to ${seconds(longest)}`);
    else this.#write('info', `${words} from new addresses are no longer delayed`);
  }

  /** Logins are refused because too many are waiting. */
  crowded(client: string): void {
    const now = this.#clock();
    if (now - this.#crowdedAt < MINUTE) return;
    this.#crowdedAt = now;
    this.#write('warn', `too many logins are waiting, refusing some (the latest from ${addressOf(client)})`);
  }

  #write(level: 'warn' | 'info', message: string): void {
    const now = this.#clock();
    if (now - this.#minute >= MINUTE) {
      const leftOut = this.#leftOut;
      this.#minute = now;
      this.#lines = 0;
      this.#leftOut = 0;
      if (leftOut > 0) this.#log.warn({}, `${leftOut} more lines about delayed logins were left out`);
    }
    this.#lines += 1;
    if (this.#lines > LINES_A_MINUTE) this.#leftOut += 1;
    else this.#log[level]({}, message);
  }
}

const seconds = (ms: number): string => `${ms / 1000} secs`;

/** `192.0.2.1`, `2001:db8:0:1::/64`. */
const addressOf = (client: string): string =>
  client.includes(':')
    ? `${client
        .split(':')
        .map((part) => Number(part).toString(16))
        .join(':')}::/64`
    : client;

/** Peer input must not be able to start a log line of its own or fill the disk. */
const userOf = (name: string): string => `user=<${name.replace(/[\x00-\x1f\x7f<>]/g, '?').slice(0, 200)}>`;
