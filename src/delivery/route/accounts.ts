/**
 * Finds the account of a local address.
 *
 * All local domains (mydestination) share the same users: `maomao@mail.baidu.com` is `maomao@baidu.com`. An address
 * extension (recipient_delimiter) is ignored unless an account's name contains it. Postmaster and root always accept
 * mail (RFC 5321 section 4.5.1): their accounts are created with their first message, without a password, so their mail
 * can be read once someone sets one.
 */

import { userKeys } from '../../lookup/address-keys.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Account } from '../../mail/account.ts';
import { domainOf, localPart } from '../../mail/address.ts';
import { quoteLocalPart } from '../../mail/local-part.ts';
import type { Directory } from '../../store/directory.ts';

const ALWAYS_THERE: ReadonlySet<string> = new Set(['postmaster', 'root']);

/** Local parts that must always be deliverable. */
export const isAlwaysThere = (local: string): boolean => ALWAYS_THERE.has(local.toLowerCase());

export interface Accounts {
  /** `local`: the address is in mydestination, so our domains are tried in turn. */
  find(address: string, local: boolean): Promise<Account | null>;
  /** As `find`, but creates the account of a postmaster or root that has none. */
  findOrMake(address: string, local: boolean): Promise<Account | null>;
}

export function createAccounts(options: {
  readonly directory: Directory;
  readonly parameters: ParameterReader;
}): Accounts {
  const { directory, parameters } = options;
  const ownDomains = [
    ...new Set(
      [parameters.string('myorigin'), parameters.string('mydomain'), parameters.string('myhostname')].map((name) =>
        name.toLowerCase(),
      ),
    ),
  ];
  const delimiters = parameters.string('recipient_delimiter');

  async function findUser(user: string, domain: string, local: boolean): Promise<Account | null> {
    const exact = domain === '' ? null : await directory.find(`${user}@${domain}`);
    if (exact !== null || !local) return exact;
    for (const other of ownDomains) {
      if (other === domain) continue;
      const account = await directory.find(`${user}@${other}`);
      if (account !== null) return account;
    }
    return null;
  }

  async function find(address: string, local: boolean): Promise<Account | null> {
    const domain = domainOf(address);
    for (const { text: user } of userKeys(address, delimiters)) {
      const account = await findUser(quoteLocalPart(user), domain, local);
      if (account !== null) return account;
    }
    return null;
  }

  async function findOrMake(address: string, local: boolean): Promise<Account | null> {
    const found = await find(address, local);
    if (found !== null || !local || !isAlwaysThere(localPart(address))) return found;
    const name = `${localPart(address).toLowerCase()}@${ownDomains[0] ?? domainOf(address)}`;
    try {
      return await directory.create({ address: name, passwordHash: '' });
    } catch (error) {
      // Two messages may arrive at once: the other one created it.
      const made = await directory.find(name);
      if (made === null) throw error;
      return made;
    }
  }

  return { find, findOrMake };
}

/** Placeholder for the account that postmaster or root gets with the first message. */
const TO_BE_MADE: Account = {
  id: 'postmaster',
  address: 'postmaster',
  passwordHash: '',
  disabled: false,
  quota: 0,
  createdAt: 0,
};

/** For queries: where mail would go, without an account being made for it. */
export const wouldBe = (accounts: Accounts): Pick<Accounts, 'findOrMake'> => ({
  findOrMake: async (address, local) =>
    (await accounts.find(address, local)) ?? (local && isAlwaysThere(localPart(address)) ? TO_BE_MADE : null),
});
