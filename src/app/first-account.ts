/** A house without accounts gets its first one, so that a person can log in at once. */
import { newPassword } from '../admin/passwords.ts';
import { hashPassword } from '../server/login/password.ts';
import type { Directory } from '../store/directory.ts';

export interface NewAccount {
  readonly address: string;
  readonly password: string;
}

/** The default configuration's aliases send postmaster's and root's mail here. */
const FIRST_USER = 'admin';

/** Null where there are accounts already. The password is told once and kept nowhere. */
export async function ensureFirstAccount(directory: Directory, domain: string): Promise<NewAccount | null> {
  if ((await directory.list()).length > 0) return null;
  const account = { address: `${FIRST_USER}@${domain}`, password: newPassword() };
  await makeAccounts(directory, [account]);
  return account;
}

/** Makes those that do not exist yet. */
export async function makeAccounts(directory: Directory, accounts: readonly NewAccount[]): Promise<void> {
  for (const { address, password } of accounts) {
    if ((await directory.find(address)) === null)
      await directory.create({ address, passwordHash: await hashPassword(password) });
  }
}
