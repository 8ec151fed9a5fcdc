/**
 * Throttles password guessing without locking out the owner of a password. The authenticator (authenticate.ts) sends
 * every login of every protocol and mechanism through it. Nothing is ever locked: attempts wait, and the wait is
 * bounded.
 *
 * Failures are counted by address, by login name, and by both; each count gives a delay (login-ledger.ts), and the
 * longest of the three applies. Guarantees:
 * - Guesses of one name from one address are checked one at a time, each after its delay; opening more connections or
 *   disconnecting does not help.
 * - A name that has not failed from an address is always checked, after 5 s at most, however often others at that
 *   address (a NAT) have failed: an address gets one free try per name of ours, and an attacker does not get one per
 *   address for each try.
 * - If a name has logged in from an address before, it is not delayed there by failures of others, neither of those at
 *   that address nor of those trying that name.
 * - A client that repeats the same wrong password or token (a phone after a password change) counts once: it learns
 *   nothing. Not with SCRAM and CRAM-MD5, whose proofs of one password differ.
 * - Existing and nonexistent names are treated alike, including the response time. An IPv6 address counts as its /64.
 * - Memory is bounded. The log gets a line when delays start and end, a few per minute at most, never a password.
 * - Processes that share a database count together, up to a second late; each checks guesses of one name from one
 *   address one at a time, so N processes check at most N in each delay. What was typed is told as digests only.
 *
 * Compare Dovecot 2.3: `auth_failure_delay` (2 s before each failure is reported) and its penalty, which doubles up to
 * 15 s by address alone, so that everyone sharing the address waits as long.
 */
import { createHmac, createSecretKey, hash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { limitKey } from '../../net/peer-address.ts';
import type { Cluster } from '../../store/cluster.ts';
import type { Sharing } from '../elsewhere.ts';
import type { LoginResult } from './authenticator.ts';
import { LanesFullError, LoginLanes } from './lanes.ts';
import { LoginLedger } from './ledger.ts';
import { LoginNotices } from './notices.ts';
import { LoginSuccesses } from './successes.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/**
 * The same name from the same address: three failures are free, then 1, 2, 4, 8, 15 s: about 5700 guesses a day. 15 s
 * is Dovecot's AUTH_PENALTY_MAX_SECS; mail clients wait 30 s and more for an answer (Thunderbird 100). Ten minutes
 * after the last failure everything is forgotten. The first failure in each process is not told to the others: a phone
 * that repeats a wrong password comes to each of them, and must count once.
 */
const PAIR = { free: 3, doubledBy: 1, longest: 15 * SECOND, forgivenAfter: 2 * MINUTE, keys: 20_000, untold: 1 };
/**
 * All names from one address: an office behind one address makes some mistakes; short, because strangers may share it.
 */
const CLIENT = { free: 20, doubledBy: 10, longest: 5 * SECOND, forgivenAfter: 30 * SECOND, keys: 20_000, untold: 0 };
/** One name from all addresses (a botnet): for addresses where it has not logged in before. */
const NAME = { free: 20, doubledBy: 20, longest: 15 * SECOND, forgivenAfter: 30 * SECOND, keys: 10_000, untold: 0 };

/** How long it is remembered that a name has logged in from an address; at most while the process runs. */
const KNOWN_FOR = 30 * DAY;
const KNOWN_PAIRS = 10_000;
/** Different wrong passwords remembered for a name and an address. */
const WRONG_PASSWORDS = 8;
/**
 * Logins of one name from one address that may wait for their turn, and for how long: including its delay, each is
 * answered within 30 s.
 */
const WAITING = 100;
const PATIENCE = 15 * SECOND;

export interface LoginAttempt {
  readonly remoteIp: string;
  /** The login in canonical form: the same for all spellings. */
  readonly name: string;
  /** By which a repeated one is known; null if that cannot be: each counts. */
  readonly password: Buffer | null;
}

export interface LoginThrottleOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** The processes over which failures are counted; without it, this one. */
  readonly cluster?: Cluster | null;
  /** Waits, ms; must not keep the process alive. */
  readonly sleep?: (ms: number) => Promise<void>;
}

/** `known`: this name has logged in from this address before. Never rejects. */
type Check = (known: boolean) => Promise<LoginResult>;

/** What an attempt counts by: the key, and its words for the log. */
interface Counted {
  readonly key: string;
  readonly text: string;
}

export class LoginThrottle {
  readonly sleep: (ms: number) => Promise<void>;
  readonly #clock: Clock;
  /** Other processes get digests: of a bounded length, and not what people typed into the wrong field. */
  readonly #keyOf: (text: string) => string;
  readonly #notices: LoginNotices;
  readonly #pairs: LoginLedger;
  readonly #clients: LoginLedger;
  readonly #names: LoginLedger;
  /** By pair: when it logged in last. */
  readonly #known = new LRUCache<string, number>({ maxSize: KNOWN_PAIRS, sizeCalculation: () => 1 });
  /** By pair: digests of the wrong passwords that it sent last. */
  readonly #wrong = new LRUCache<string, readonly string[]>({ maxSize: PAIR.keys, sizeCalculation: () => 1 });
  // A key object: with octets each digest would make one, which takes longer than the digest.
  readonly #key = createSecretKey(randomBytes(32));
  readonly #lanes = new LoginLanes(WAITING);
  readonly #successes: LoginSuccesses;

  constructor({
    log,
    clock,
    cluster = null,
    sleep = (ms) => delay(ms, undefined, { ref: false }),
  }: LoginThrottleOptions) {
    this.sleep = sleep;
    this.#clock = clock;
    this.#keyOf = cluster === null ? (text) => text : digestOf;
    const notices = new LoginNotices(log, clock);
    this.#notices = notices;
    const sharing = (topic: string): Sharing => ({ cluster, topic: `failed logins by ${topic}` });
    this.#pairs = new LoginLedger(
      PAIR,
      clock,
      (pair, delaying) => notices.pair(pair, delaying, PAIR.longest),
      sharing('client and name'),
    );
    this.#clients = new LoginLedger(
      CLIENT,
      clock,
      (client, delaying) => notices.client(client, delaying, CLIENT.longest),
      sharing('client'),
    );
    this.#names = new LoginLedger(
      NAME,
      clock,
      (name, delaying) => notices.name(name, delaying, NAME.longest),
      sharing('name'),
    );
    this.#successes = new LoginSuccesses({ cluster, topic: 'logins by client and name' }, clock, (pair) =>
      this.#succeeded(pair),
    );
  }

  /** Checks an attempt after its delay. `unavailable` if too many are waiting. */
  async run(attempt: LoginAttempt, check: Check): Promise<LoginResult> {
    const client = this.#counted(limitKey(attempt.remoteIp));
    const name = this.#counted(attempt.name);
    const counted = this.#counted(`${client.text} ${name.text}`);
    const pair = counted.key;
    const digest =
      attempt.password === null ? null : createHmac('sha256', this.#key).update(attempt.password).digest('base64');
    const began = this.#clock();
    const repeats = (): boolean => digest !== null && this.#wrong.get(pair)?.includes(digest) === true;
    const conclude = (result: LoginResult): LoginResult => {
      if (result.ok) {
        this.#succeeded(pair);
        this.#successes.add(pair);
      } else if (result.reason === 'credentials' && !repeats()) {
        if (digest !== null)
          this.#wrong.set(pair, [digest, ...(this.#wrong.get(pair) ?? [])].slice(0, WRONG_PASSWORDS));
        this.#failed(client, name, counted);
      }
      return result;
    };
    if (repeats()) return conclude(await check(this.#isKnown(pair)));
    const width = (): number => Math.max(1, PAIR.free - this.#pairs.count(pair));
    try {
      return await this.#lanes.run(pair, width, async () => {
        if (this.#clock() - began >= PATIENCE) return this.#crowded(client.text);
        if (repeats()) return conclude(await check(this.#isKnown(pair)));
        const known = this.#isKnown(pair);
        const own = this.#pairs.delay(pair);
        const strangers = Math.max(own, this.#clients.delay(client.key), this.#names.delay(name.key));
        await this.#wait(known ? own : strangers);
        const result = conclude(await check(known));
        // The missing delay would tell an attacker that this name exists and logs in from this address.
        if (known && !result.ok) await this.#wait(strangers - own);
        return result;
      });
    } catch (error) {
      if (error instanceof LanesFullError) return this.#crowded(client.text);
      throw error;
    }
  }

  /** A check was refused because too many hashes were waiting. */
  overloaded(remoteIp: string): void {
    this.#notices.crowded(limitKey(remoteIp));
  }

  #crowded(client: string): LoginResult {
    this.#notices.crowded(client);
    return { ok: false, reason: 'unavailable' };
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await this.sleep(ms);
  }

  #isKnown(pair: string): boolean {
    const at = this.#known.get(pair);
    return at !== undefined && this.#clock() - at < KNOWN_FOR;
  }

  #succeeded(pair: string): void {
    this.#known.set(pair, this.#clock());
    this.#wrong.delete(pair);
    this.#pairs.forget(pair);
  }

  #failed(client: Counted, name: Counted, pair: Counted): void {
    this.#pairs.add(pair.key, pair.text);
    this.#clients.add(client.key, client.text);
    this.#names.add(name.key, name.text);
  }

  #counted(text: string): Counted {
    return { key: this.#keyOf(text), text };
  }
}

const digestOf = (text: string): string => hash('sha256', text, 'base64url').slice(0, 22);
