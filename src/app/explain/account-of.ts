/** The account that a login name means. */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Account } from '../../mail/account.ts';
import type { Directory } from '../../store/directory.ts';

/** As a login finds it; null if there is none. */
export async function accountOf(
  login: string,
  parameters: ParameterReader,
  directory: Directory,
): Promise<Account | null> {
  const domains = (['myorigin', 'mydomain', 'myhostname'] as const).map((name) => parameters.string(name));
  for (const address of login.includes('@') ? [login] : domains.map((domain) => `${login}@${domain}`)) {
    const account = await directory.find(address);
    if (account !== null) return account;
  }
  return null;
}
