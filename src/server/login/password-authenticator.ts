/**
 * The authenticator: plugins first, then the directory.
 *
 * Guarantees: a wrong password and an unknown login cost the same work, and a failure is reported after the same time;
 * guessing is throttled (login-throttle.ts); hashing uses only its share of the thread pool, and each client only its
 * share of that; a correct password is recognized for a short time without hashing (clients poll), by a keyed digest
 * that becomes useless when the password, hash or process changes. All memory is bounded.
 */
import { createHash, createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Hooks } from '../../bus/hook.ts';
import { readRefusal } from '../../bus/refusal.ts';
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import type { Log } from '../../log.ts';
import type { Account } from '../../mail/account.ts';
import { addressKey, domainOf, localPart } from '../../mail/address.ts';
import { limitKey } from '../../net/peer-address.ts';
import type { SecretScheme } from '../../protocol/sasl/mechanism.ts';
import type { Directory } from '../../store/directory.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { type AccountEnd, watchAccount } from './account-watch.ts';
import type { Authenticator, Candidate, Credentials, LoginResult, Secret } from './authenticator.ts';
import { DecoySecrets } from './decoy-secrets.ts';
import { findAccount } from './find-account.ts';
import type { TokenJudge } from './oauth2/judge.ts';
import { secretFrom } from './password/secret.ts';
import { Turns, TurnsFullError } from './password/turns.ts';
import { DEFAULT_SCHEME, hashPassword, schemeOf, verifyPassword } from './password.ts';
import { type LoginAttempt, LoginThrottle } from './throttle.ts';

export interface AuthenticatorOptions {
  readonly directory: Pick<Directory, 'find' | 'get' | 'watch'>;
  readonly hooks: Hooks;
  /** Tried in this order for a login without `@`: `maomao` is `maomao@baidu.com`. */
  readonly defaultDomains: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** Who cannot be told from what is stored for unknown logins: the same text in each process and after a restart. */
  readonly decoyKey?: () => Promise<string>;
  /** Judges access tokens; without it, none is good. */
  readonly tokens?: TokenJudge | null;
  /** Pass one that outlives this authenticator to keep its state; by default a new one is created. */
  readonly throttle?: LoginThrottle;
}

/**
 * A failure is reported this long after the attempt arrived, ms, so that timing reveals nothing about the work
 * (Dovecot: auth_failure_delay = 2 secs).
 */
const FAILURE_DELAY = 2_000;
/** How long a correct password is remembered, ms. */
const REMEMBERED = 5 * 60_000;
const MAX_REMEMBERED = 10_000;
/** Concurrent hashes (the thread pool has four threads, and file I/O needs some), and hashes waiting. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING = 4_096;
/**
 * When this many checks of one client are waiting, unknown names are not hashed: they fail anyway, and would delay the
 * others.
 */
const BUSY = 16;
/** Longer names are counted by their digest, so that a limit on entries bounds memory. */
const MAX_NAME = 100;

const WRONG: LoginResult = { ok: false, reason: 'credentials' };
const UNAVAILABLE: LoginResult = { ok: false, reason: 'unavailable' };

export class PasswordAuthenticator implements Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #defaultDomains: readonly string[];
  readonly #throttle: LoginThrottle;
  // A key object: with octets each digest would make one, which takes longer than the digest.
  readonly #key = createSecretKey(randomBytes(32));
  /** Keyed digest of account, hash and password, to the time it was verified. */
  readonly #remembered = new LRUCache<string, number>({ maxSize: MAX_REMEMBERED, sizeCalculation: () => 1 });
  readonly #turns = new Turns(HASHES_AT_ONCE, HASHES_WAITING);
  /** What the password of an unknown login is verified against. */
  readonly #decoySecrets: DecoySecrets;
  readonly #decoy = hashPassword(randomBytes(16).toString('base64'));

  constructor(options: AuthenticatorOptions) {
    const { log, clock } = options;
    this.#options = options;
    this.#defaultDomains = options.defaultDomains.map((domain) => domain.toLowerCase());
    this.#throttle = options.throttle ?? new LoginThrottle({ log, clock });
    this.#decoySecrets = new DecoySecrets(options.decoyKey);
    this.#decoy.catch(() => undefined);
  }

  async verify(credentials: Credentials): Promise<LoginResult> {
    const { clock } = this.#options;
    const began = clock();
    const result = await this.#throttle.run(this.#attempt(credentials, credentials.password), (known) =>
      this.#answer(credentials, () => this.#judge(credentials, known)),
    );
    return this.#delivered(result, credentials, began);
  }

  async identify(who: Candidate): Promise<LoginResult> {
    const began = this.#options.clock();
    return this.#delivered(await this.#answer(who, () => this.#admit(who.login)), who, began);
  }

  async secretOf(who: Candidate, scheme: SecretScheme): Promise<Secret | null> {
    try {
      return await this.#secretOf(who, scheme);
    } catch (error) {
      this.#noteFailure(error, who);
      return null;
    }
  }

  async #secretOf({ login, remoteIp }: Candidate, scheme: SecretScheme): Promise<Secret> {
    const account = await this.#find(login);
    const decoy = await this.#decoySecrets.of(scheme, this.#nameOf(login));
    const hash = account?.passwordHash ?? '';
    const stored = await this.#turns.run(limitKey(remoteIp), false, () => secretFrom(hash, scheme, decoy));
    if (stored !== null) return { stored, passwordHash: hash };
    if (account !== null)
      this.#options.log.info(
        { process: 'auth' },
        `${account.address}: requested ${scheme} scheme, but we have only ${schemeOf(hash) || 'no password'}`,
      );
    return { stored: decoy.stored, passwordHash: null };
  }

  async prove(
    who: Candidate,
    { secret, holds }: { readonly secret: Secret | null; readonly holds: boolean },
  ): Promise<LoginResult> {
    const began = this.#options.clock();
    // Proofs of the same wrong password differ each time.
    const result = await this.#throttle.run(this.#attempt(who, null), () =>
      this.#answer(who, () =>
        holds && secret !== null && secret.passwordHash !== null
          ? this.#admit(who.login, secret.passwordHash)
          : Promise.resolve(WRONG),
      ),
    );
    return this.#delivered(result, who, began);
  }

  get tokenConfiguration(): string {
    return this.#options.tokens?.configurationUrl ?? '';
  }

  async judgeToken(who: Candidate, token: string): Promise<LoginResult> {
    const { clock, tokens = null } = this.#options;
    const began = clock();
    const result = await this.#throttle.run(this.#attempt(who, Buffer.from(token)), () =>
      this.#answer(who, async () => {
        const judged = (await tokens?.judge(token, who)) ?? 'refused';
        if (judged === 'unavailable') return UNAVAILABLE;
        return judged === 'good' ? this.#admit(who.login) : WRONG;
      }),
    );
    return this.#delivered(result, who, began);
  }

  #attempt({ remoteIp, login }: Candidate, password: Buffer | null): LoginAttempt {
    return { remoteIp, name: this.#nameOf(login), password };
  }

  /** Whoever has shown who it is. `passwordHash`: the one by which it did, which must still be the account's. */
  async #admit(login: string, passwordHash?: string): Promise<LoginResult> {
    const account = await this.#find(login);
    return account === null || account.disabled || (passwordHash ?? account.passwordHash) !== account.passwordHash
      ? WRONG
      : { ok: true, account };
  }

  /** Counts it, and lets a failure take its time. */
  async #delivered(
    result: LoginResult,
    { protocol }: Pick<Candidate, 'protocol'>,
    began: number,
  ): Promise<LoginResult> {
    counters.logins.count(protocol, result.ok ? 'ok' : result.reason);
    const left = began + FAILURE_DELAY - this.#options.clock();
    if (!result.ok && left > 0) await this.#throttle.sleep(left);
    return result;
  }

  watch(account: Account, onEnd: (why: AccountEnd) => void): () => void {
    return watchAccount(this.#options.directory, account, onEnd);
  }

  /** Never rejects. */
  async #answer(
    who: Pick<Candidate, 'remoteIp' | 'protocol'>,
    judge: () => Promise<LoginResult>,
  ): Promise<LoginResult> {
    try {
      return await judge();
    } catch (error) {
      this.#noteFailure(error, who);
      return UNAVAILABLE;
    }
  }

  #noteFailure(error: unknown, { remoteIp, protocol }: Pick<Candidate, 'remoteIp' | 'protocol'>): void {
    if (error instanceof TurnsFullError) this.#throttle.overloaded(remoteIp);
    else if (!(error instanceof StoreUnavailableError))
      this.#options.log.error({ err: error, protocol }, 'a login could not be checked');
  }

  async #judge(credentials: Credentials, known: boolean): Promise<LoginResult> {
    const { directory, hooks } = this.#options;
    if (hooks.has('auth')) {
      const { login, password, remoteIp, protocol, mechanism } = credentials;
      const verdict = await hooks.run('auth', {
        login,
        password: password.toString('utf8'),
        passwordOctets: password,
        remoteIp,
        protocol,
        mechanism,
      });
      if (verdict.code === 'OK') {
        const account = verdict.account ?? (await this.#find(login));
        return account === null || account.disabled ? WRONG : { ok: true, account };
      }
      const refusal = readRefusal(verdict);
      if (refusal !== null) return refusal.kind === 'temporary' ? UNAVAILABLE : WRONG;
    }
    const account = await this.#find(credentials.login);
    if (!(await this.#check(credentials, known, account)) || account === null) return WRONG;
    // The account may have changed while the password was checked.
    const now = await directory.get(account.id);
    return now !== null && !now.disabled && now.passwordHash === account.passwordHash
      ? { ok: true, account: now }
      : WRONG;
  }

  #find(login: string): Promise<Account | null> {
    return findAccount(login, this.#defaultDomains, this.#options.directory);
  }

  async #check({ password, remoteIp }: Credentials, known: boolean, account: Account | null): Promise<boolean> {
    const { clock } = this.#options;
    const stored = account?.passwordHash ?? '';
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([account?.id ?? '', stored]))
      .update(password)
      .digest('base64');
    const verifiedAt = this.#remembered.get(digest);
    if (account !== null && verifiedAt !== undefined && clock() - verifiedAt < REMEMBERED) return true;
    return this.#turns.run(limitKey(remoteIp), known, async (waiting) => {
      if (account === null && waiting >= BUSY) return false;
      const matches = await verifyPassword(password, stored);
      if (matches) this.#remembered.set(digest, clock());
      // Other schemes are faster than the default: verifying the decoy as well makes every failure take the same time.
      else if (schemeOf(stored) !== DEFAULT_SCHEME) await verifyPassword(password, await this.#decoy);
      return matches;
    });
  }

  /** One canonical form for all spellings of a login, whether it exists or not. */
  #nameOf(login: string): string {
    const whole = addressKey(login.trim());
    const name = this.#defaultDomains.includes(domainOf(whole)) ? localPart(whole) : whole;
    return name.length <= MAX_NAME
      ? name
      : `${name.slice(0, MAX_NAME / 2)}…${createHash('sha256').update(name).digest('base64')}`;
  }
}
