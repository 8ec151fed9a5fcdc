/**
 * Finds the account of a local address.
 *
 * All local domains (mydestination) share the same users: `maomao@mail.baidu.com` is `maomao@baidu.com`. An address
 * extension (recipient_delimiter) is ignored unless an account's name contains it.
 */
import type { Account } from '../mail/account.ts';
import { type Address, domainOf } from '../mail/address.ts';
import { quoteLocalPart } from '../mail/local-part.ts';
import { userKeys } from './address-keys.ts';
import { delimitersOf } from './delimiters.ts';
import type { ParameterReader } from './parameters.ts';

/** `local`: the address is in mydestination, so our domains are tried in turn. */
export type FindAccount = (address: Address, local: boolean) => Promise<Account | null>;

/** Where users without a domain are looked for, in this order. */
export const ownDomains = (parameters: ParameterReader): readonly string[] => [
  ...new Set((['myorigin', 'mydomain', 'myhostname'] as const).map((name) => parameters.string(name).toLowerCase())),
];

export function accountFinder(options: {
  readonly directory: { find(address: Address): Promise<Account | null> };
  readonly parameters: ParameterReader;
}): FindAccount {
  const { directory, parameters } = options;
  const domains = ownDomains(parameters);
  const delimiters = delimitersOf(parameters);

  async function findUser(user: string, domain: string, local: boolean): Promise<Account | null> {
    const exact = domain === '' ? null : await directory.find(`${user}@${domain}`);
    if (exact !== null || !local) return exact;
    for (const other of domains) {
      if (other === domain) continue;
      const account = await directory.find(`${user}@${other}`);
      if (account !== null) return account;
    }
    return null;
  }

  return async (address, local) => {
    const domain = domainOf(address);
    for (const { text: user } of userKeys(address, delimiters)) {
      const account = await findUser(quoteLocalPart(user), domain, local);
      if (account !== null) return account;
    }
    return null;
  };
}
