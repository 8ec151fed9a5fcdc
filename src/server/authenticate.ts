/**
 * The authenticator: plugins first, then the directory.
 *
 * Guarantees: a wrong password and an unknown login take the same work; who fails too often is put off
 * without any work, per client and login and per client; hashing never takes more than its share of the
 * thread pool; a password that was right is known again for a short time without hashing (clients poll),
 * by a keyed digest that a changed password, hash or restart makes worthless. All memory is bounded.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Hooks } from '../bus/hook.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Account } from '../mail/account.ts';
import { limitKey } from '../net/peer-address.ts';
import type { Directory } from '../store/directory.ts';
import type { Authenticator, Credentials, LoginResult } from './authenticator.ts';
import { createTurns } from './password/turns.ts';
import { DEFAULT_SCHEME, hashPassword, schemeOf, verifyPassword } from './password.ts';

export interface AuthenticatorOptions {
  readonly directory: Pick<Directory, 'find'>;
  readonly hooks: Hooks;
  /** Tried in this order for a login without `@`: `maomao` is `maomao@baidu.com`. */
  readonly defaultDomains: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
}

/** Failures within the window after which a client is put off: for one login, and for all its logins together. */
const LOGIN_FAILURES = 10;
const CLIENT_FAILURES = 100;
const FAILURE_WINDOW = 5 * 60_000;
/** How long a right password is known again, ms. */
const REMEMBERED = 5 * 60_000;
const MAX_REMEMBERED = 10_000;
const MAX_FAILING = 20_000;
/** Hashes at the same time (the thread pool has four threads, and files need some), and waiting for their turn. */
const HASHES_AT_ONCE = 2;
const HASHES_WAITING = 256;

/** A cache of at most so many entries grows with them; given as `max`, their room would be taken at once. */
const one = (): number => 1;

const WRONG: LoginResult = { ok: false, reason: 'credentials' };
const UNAVAILABLE: LoginResult = { ok: false, reason: 'unavailable' };

export function createAuthenticator({ directory, hooks, defaultDomains, log, clock }: AuthenticatorOptions): Authenticator {
  const key = randomBytes(32);
  /** Keyed digest of account, hash and password, to when it was verified. */
  const remembered = new LRUCache<string, number>({ maxSize: MAX_REMEMBERED, sizeCalculation: one });
  const failing = new LRUCache<string, { count: number; since: number }>({ maxSize: MAX_FAILING, sizeCalculation: one });
  const turns = createTurns(HASHES_AT_ONCE, HASHES_WAITING);
  /** What an unknown login is compared with. */
  const decoy = hashPassword(randomBytes(16).toString('base64'));
  decoy.catch(() => undefined);

  async function judge(credentials: Credentials): Promise<LoginResult> {
    if (hooks.has('auth')) {
      const verdict = await hooks.run('auth', credentials);
      if (verdict.code === 'OK') {
        const account = verdict.account ?? (await find(credentials.login));
        return account === null || account.disabled ? WRONG : { ok: true, account };
      }
      if (verdict.code !== 'NEXT') return verdict.code.startsWith('DENYSOFT') ? UNAVAILABLE : WRONG;
    }
    const account = await find(credentials.login);
    const matches = await check(credentials.password, account);
    return matches && account !== null && !account.disabled ? { ok: true, account } : WRONG;
  }

  async function find(login: string): Promise<Account | null> {
    const name = login.trim();
    if (name === '') return null;
    for (const address of name.includes('@') ? [name] : defaultDomains.map((domain) => `${name}@${domain}`)) {
      const account = await directory.find(address);
      if (account !== null) return account;
    }
    return null;
  }

  async function check(password: string, account: Account | null): Promise<boolean> {
    const stored = account?.passwordHash ?? '';
    const digest = createHmac('sha256', key)
      .update(JSON.stringify([account?.id ?? '', stored, password]))
      .digest('base64');
    const verifiedAt = remembered.get(digest);
    if (account !== null && verifiedAt !== undefined && clock() - verifiedAt < REMEMBERED) return true;
    return turns.run(async () => {
      const matches = await verifyPassword(password, stored);
      if (matches) remembered.set(digest, clock());
      // Other schemes are faster, and none is fastest: the decoy's work makes every failure look alike.
      else if (schemeOf(stored) !== DEFAULT_SCHEME) await verifyPassword(password, await decoy);
      return matches;
    });
  }

  function putOff(name: string, limit: number): boolean {
    const failures = failing.get(name);
    return failures !== undefined && failures.count >= limit && clock() - failures.since < FAILURE_WINDOW;
  }

  function noteFailure(name: string): void {
    const now = clock();
    const failures = failing.get(name);
    if (failures === undefined || now - failures.since >= FAILURE_WINDOW) failing.set(name, { count: 1, since: now });
    else failures.count += 1;
  }

  return {
    async verify(credentials) {
      const client = limitKey(credentials.remoteIp);
      const clientAndLogin = `${client} ${credentials.login.trim().toLowerCase()}`;
      if (putOff(clientAndLogin, LOGIN_FAILURES) || putOff(client, CLIENT_FAILURES)) return UNAVAILABLE;
      let result: LoginResult;
      try {
        result = await judge(credentials);
      } catch (error) {
        log.error({ err: error, protocol: credentials.protocol }, 'a login could not be checked');
        return UNAVAILABLE;
      }
      if (result.ok) {
        failing.delete(clientAndLogin);
      } else if (result.reason === 'credentials') {
        noteFailure(clientAndLogin);
        noteFailure(client);
        if (putOff(clientAndLogin, LOGIN_FAILURES)) {
          const minutes = FAILURE_WINDOW / 60_000;
          log.warn(
            { remoteIp: credentials.remoteIp, protocol: credentials.protocol },
            `${credentials.remoteIp}: ${LOGIN_FAILURES} failed logins in ${minutes} minutes, put off`,
          );
        }
      }
      return result;
    },
  };
}
