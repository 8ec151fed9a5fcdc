/**
 * Logins that were checked a moment ago. The session that logs in is known only afterwards, and plugins find in its
 * notes who took the password, and the password (`prevent_credential_leaks`).
 */

interface Login {
  /** '' if none of Haraka's. */
  readonly plugin: string;
  readonly password: string;
}

/** ms. */
const KEPT_MS = 30_000;
const MOST = 10_000;

export class RecentLogins {
  readonly #logins = new Map<string, Login & { readonly timer: NodeJS.Timeout }>();

  add(ip: string, user: string, login: Login): void {
    if (this.#logins.size >= MOST) return;
    const key = keyOf(ip, user);
    clearTimeout(this.#logins.get(key)?.timer);
    const timer = setTimeout(() => this.#logins.delete(key), KEPT_MS).unref();
    this.#logins.set(key, { ...login, timer });
  }

  take(ip: string, user: string): Login | undefined {
    const key = keyOf(ip, user);
    const login = this.#logins.get(key);
    clearTimeout(login?.timer);
    this.#logins.delete(key);
    return login;
  }
}

const keyOf = (ip: string, user: string): string => JSON.stringify([ip, user]);
