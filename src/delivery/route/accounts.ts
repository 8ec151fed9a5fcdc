/**
 * Finds the account of a local address (lookup/find-account.ts), or makes it. Postmaster and root always accept
 * mail (RFC 5321 section 4.5.1): their accounts are created with their first message, without a password, so their mail
 * can be read once someone sets one. So are, with auto_create_accounts, those of the users that a recipient table names;
 * a row for a whole domain and a table of patterns name nobody, or strangers could fill the store with accounts.
 */

import { lookUp, mailboxKeys } from '../../lookup/address-keys.ts';
import { delimitersOf } from '../../lookup/delimiters.ts';
import { accountFinder, type FindAccount, ownDomains } from '../../lookup/find-account.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import type { Account } from '../../mail/account.ts';
import { domainOf, localPart } from '../../mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../../mail/local-part.ts';
import { ownValue } from '../../own-value.ts';
import type { Directory } from '../../store/directory.ts';
import { openTables } from './address-tables.ts';

/** Local parts that must always be deliverable, and whose account has their mail unless an alias says otherwise. */
const ALWAYS_THERE: Readonly<Record<string, string>> = {
  postmaster: 'postmaster',
  root: 'root',
  // The sender that notifications name; Postfix accepts it at RCPT too.
  'mailer-daemon': 'postmaster',
};

const alwaysThere = (local: string): string | undefined => ownValue(ALWAYS_THERE, local.toLowerCase());
export const isAlwaysThere = (local: string): boolean => alwaysThere(local) !== undefined;

export interface Accounts {
  readonly find: FindAccount;
  /** Whether `findOrMake` would make the account of an address that has none. */
  wouldMake(address: string, local: boolean): Promise<boolean>;
  /** As `find`, but creates the account where `wouldMake`. */
  findOrMake(address: string, local: boolean): Promise<Account | null>;
}

export function createAccounts(options: {
  readonly directory: Directory;
  readonly parameters: ParameterReader;
  readonly tables: Tables;
}): Accounts {
  const { directory, parameters, tables } = options;
  const domains = ownDomains(parameters);
  const delimiters = delimitersOf(parameters);

  const find = accountFinder({ directory, parameters });

  const members = (parameter: 'local_recipient_maps' | 'virtual_mailbox_maps'): readonly LookupTable[] =>
    parameters.boolean('auto_create_accounts')
      ? openTables(parameters.list(parameter), tables).filter((table) => !table.wholeKeyOnly)
      : [];
  const named = { local: members('local_recipient_maps'), virtual: members('virtual_mailbox_maps') };

  /** The user whose account is made, with the domain of a virtual one; null if none is. */
  async function userToMake(address: string, local: boolean): Promise<string | null> {
    const always = local ? alwaysThere(localPart(address)) : undefined;
    if (always !== undefined) return always;
    const maps = local ? named.local : named.virtual;
    if (maps.length === 0) return null;
    const keys = mailboxKeys(address, delimiters, local).filter(({ text }) => !text.startsWith('@'));
    const key = (await lookUp(maps, keys))?.key.text;
    if (key === undefined) return null;
    return local ? quoteLocalPart(unquoteLocalPart(localPart(key))) : key;
  }

  async function findOrMake(address: string, local: boolean): Promise<Account | null> {
    const found = await find(address, local);
    const user = found === null ? await userToMake(address, local) : null;
    if (user === null) return found;
    const name = local ? `${user}@${domains[0] ?? domainOf(address)}` : user;
    try {
      return await directory.create({ address: name, passwordHash: '' });
    } catch (error) {
      // It is there already, or two messages arrive at once and the other one created it.
      const made = await directory.find(name);
      if (made === null) throw error;
      return made;
    }
  }

  return { find, findOrMake, wouldMake: async (address, local) => (await userToMake(address, local)) !== null };
}

/** Placeholder for an account that is made with its first message. */
const TO_BE_MADE: Account = {
  id: 'postmaster',
  address: 'postmaster',
  passwordHash: '',
  disabled: false,
  quota: 0,
  forwarding: null,
  createdAt: 0,
};

/** For queries: where mail would go, without an account being made for it. */
export const wouldBe = (accounts: Accounts): Pick<Accounts, 'findOrMake'> => ({
  findOrMake: async (address, local) =>
    (await accounts.find(address, local)) ?? ((await accounts.wouldMake(address, local)) ? TO_BE_MADE : null),
});
