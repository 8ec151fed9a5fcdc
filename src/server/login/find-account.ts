/** The account that a login name means. */
import type { Account } from '../../mail/account.ts';
import type { Directory } from '../../store/directory.ts';

/** `defaultDomains`: tried in this order for a name without `@`. Null if there is none. */
export async function findAccount(
  login: string,
  defaultDomains: readonly string[],
  directory: Pick<Directory, 'find'>,
): Promise<Account | null> {
  const name = login.trim();
  if (name === '') return null;
  for (const address of name.includes('@') ? [name] : defaultDomains.map((domain) => `${name}@${domain}`)) {
    const account = await directory.find(address);
    if (account !== null) return account;
  }
  return null;
}
