/** Creates the first account of a server without accounts, so that someone can log in at once. */
import { setTimeout as delay } from 'node:timers/promises';
import { newPassword } from '../admin/passwords.ts';
import { hashPassword } from '../server/login/password.ts';
import type { Directory } from '../store/directory.ts';

export interface NewAccount {
  readonly address: string;
  readonly password: string;
}

/** The default configuration's aliases send the mail of postmaster and root to this account. */
const FIRST_USER = 'admin';

const MOST_TRIES = 25;
/** Milliseconds. */
const BETWEEN_TRIES = 200;

/** Null if there are accounts already. The password is shown once and stored nowhere in clear text. */
export async function ensureFirstAccount(directory: Directory, domain: string): Promise<NewAccount | null> {
  if ((await directory.list()).length > 0) return null;
  const account = { address: `${FIRST_USER}@${domain}`, password: newPassword() };
  const passwordHash = await hashPassword(account.password);
  for (let tries = 1; ; tries += 1) {
    try {
      await directory.create({ address: account.address, passwordHash });
      return account;
    } catch (error) {
      // Of several servers that begin on one store at the same time another one makes it, and shows its password. It is
      // listed only when it has all its mailboxes.
      if ((await directory.list()).length > 0) return null;
      if (tries === MOST_TRIES) throw error;
      await delay(BETWEEN_TRIES);
    }
  }
}

/** Creates those that do not exist yet. */
export async function makeAccounts(directory: Directory, accounts: readonly NewAccount[]): Promise<void> {
  for (const { address, password } of accounts) {
    if ((await directory.find(address)) === null)
      await directory.create({ address, passwordHash: await hashPassword(password) });
  }
}
