/** Accounts and domains, as `posthorn user` and `domain` manage them. */
import type { Account } from '../mail/account.ts';
import { addressKey, domainOf, qualify } from '../mail/address.ts';
import { domainName, ownAddress } from './addresses.ts';
import { takenBy } from './aliases.ts';
import { type AdminServices, type Arguments, type Operation, OperationError, text } from './operation.ts';
import { passwordOf } from './passwords.ts';

export async function existing(services: AdminServices, given: Arguments): Promise<Account> {
  const written = text(given, 'address');
  // An account created by an older version is found by its original spelling.
  const asWritten = await services.store.directory.find(addressKey(qualify(written, services.defaultDomain)));
  if (asWritten !== null) return asWritten;
  const address = ownAddress(services, written);
  const account = await services.store.directory.find(address);
  if (account === null) throw new OperationError(`there is no account ${address}; "posthorn user list" shows all`);
  return account;
}

const shown = (account: Account) => ({
  address: account.address,
  quota: account.quota,
  disabled: account.disabled,
  forwarding: account.forwarding,
  created: new Date(account.createdAt).toISOString(),
});

/**
 * An account may be created before its domain is served, but it is easily overlooked that its mail goes elsewhere until
 * then. Refused if it could never receive mail.
 */
export async function unservedNote(services: AdminServices, domain: string): Promise<{ note?: string }> {
  const kind = await services.addressClass(domain);
  if (kind === 'virtual_alias')
    throw new OperationError(
      `${domain} is in virtual_alias_domains: its addresses can only be aliases, accounts there get no mail`,
    );
  if (kind === null || kind === 'local' || kind === 'virtual_mailbox') return {};
  return { note: `mail for ${domain} goes elsewhere for now; "posthorn domain add ${domain}" serves it here` };
}

async function setDisabled(
  services: AdminServices,
  given: Arguments,
  disabled: boolean,
): Promise<{ address: string; disabled: boolean }> {
  const account = await existing(services, given);
  await services.store.directory.update(account.id, { disabled });
  return { address: account.address, disabled };
}

/** Renames all of the accounts or none; aliases (made by command) and forwarding that lead to them are updated. */
async function rename(
  services: AdminServices,
  renames: readonly { readonly account: Account; readonly address: string }[],
): Promise<void> {
  const { directory } = services.store;
  const aliases = await directory.aliases();
  for (const { address } of renames) {
    if ((await directory.find(address)) !== null)
      throw new OperationError(`the account ${address} exists already; nothing was renamed`);
    if (aliases.has(address))
      throw new OperationError(
        `there is an alias ${address}; "posthorn alias remove ${address}" removes it; nothing was renamed`,
      );
  }
  await directory.rename(renames.map(({ account, address }) => ({ account: account.id, address })));
  const now = new Map(renames.map(({ account, address }) => [account.address, address]));
  for (const [alias, targets] of aliases) {
    const followed = targets.map((target) => now.get(addressKey(target)) ?? target);
    if (followed.some((target, i) => target !== targets[i])) await directory.setAlias(alias, followed);
  }
  for (const { id, forwarding } of await directory.list()) {
    const targets = forwarding?.targets.map((target) => now.get(addressKey(target)) ?? target) ?? [];
    if (forwarding !== null && targets.some((target, i) => target !== forwarding.targets[i]))
      await directory.update(id, { forwarding: { ...forwarding, targets } });
  }
}

/** The address of an account to be made, with a note if mail for it does not arrive here. */
export async function newAddress(
  services: AdminServices,
  given: string,
): Promise<{ readonly address: string; readonly note?: string }> {
  const address = ownAddress(services, given);
  if ((await services.store.directory.find(address)) !== null)
    throw new OperationError(`the account ${address} exists already; "posthorn user passwd" changes its password`);
  const note = await unservedNote(services, domainOf(address));
  const away = takenBy(address, await services.store.directory.aliases());
  if (away !== null)
    throw new OperationError(
      `an alias sends the mail of ${address} to ${away.join(', ')}; "posthorn alias set ${address} ${address}" lets the account get it again`,
    );
  return { address, ...note };
}

export const accountOperations: Readonly<Record<string, Operation>> = {
  'user.add': async (services, given) => {
    const { address, ...note } = await newAddress(services, text(given, 'address'));
    const { hash, generated } = await passwordOf(services, given);
    await services.store.directory.create({ address, passwordHash: hash });
    return { address, ...(generated === undefined ? {} : { password: generated }), ...note };
  },
  'user.passwd': async (services, given) => {
    const account = await existing(services, given);
    const { hash, generated } = await passwordOf(services, given);
    await services.store.directory.update(account.id, { passwordHash: hash });
    return { address: account.address, ...(generated === undefined ? {} : { password: generated }) };
  },
  'user.rename': async (services, given) => {
    const account = await existing(services, given);
    const address = ownAddress(services, text(given, 'to'));
    await rename(services, [{ account, address }]);
    return { address, before: account.address, ...(await unservedNote(services, domainOf(address))) };
  },
  'user.show': async (services, given) => shown(await existing(services, given)),
  'user.list': async (services) => (await services.store.directory.list()).map(shown),
  // It still receives mail; it cannot log in, and its open sessions end.
  'user.disable': async (services, given) => setDisabled(services, given, true),
  'user.enable': async (services, given) => setDisabled(services, given, false),
  'user.remove': async (services, given) => {
    const account = await existing(services, given);
    await services.store.directory.remove(account.id);
    return { address: account.address };
  },
  'domain.list': async (services) => services.store.directory.domains(),
  'domain.add': async (services, given) => {
    const domain = domainName(text(given, 'domain'));
    if (!domain.includes('.'))
      throw new OperationError(
        `"${domain}" is not an Internet domain (it has no dot); use mydestination in main.cf for such names`,
      );
    const kind = await services.addressClass(domain);
    if (kind === 'virtual_alias')
      throw new OperationError(
        `${domain} is in virtual_alias_domains already, which takes precedence; remove it there first`,
      );
    await services.store.directory.setDomain(domain, true);
    return { domain };
  },
  'domain.rename': async (services, given) => {
    const before = text(given, 'domain').toLowerCase();
    const domain = domainName(text(given, 'to'));
    const moved = (address: string): string => `${address.slice(0, address.lastIndexOf('@'))}@${domain}`;
    const accounts = (await services.store.directory.list()).filter(({ address }) => domainOf(address) === before);
    const served = (await services.store.directory.domains()).includes(before);
    const aliases = [...(await services.store.directory.aliases())].filter(([address]) => domainOf(address) === before);
    if (accounts.length === 0 && aliases.length === 0 && !served)
      throw new OperationError(`nothing to move from the domain ${before}: no account, no alias made by command`);
    await rename(
      services,
      accounts.map((account) => ({ account, address: moved(account.address) })),
    );
    for (const [address, targets] of aliases) {
      await services.store.directory.setAlias(moved(address), targets);
      await services.store.directory.setAlias(address, []);
    }
    if (served) {
      await services.store.directory.setDomain(domain, true);
      await services.store.directory.setDomain(before, false);
    }
    return {
      domain,
      before,
      accounts: accounts.length,
      aliases: aliases.length,
      ...(await unservedNote(services, domain)),
    };
  },
  'domain.remove': async (services, given) => {
    const written = text(given, 'domain').toLowerCase();
    const served = await services.store.directory.domains();
    const domain = served.includes(written) ? written : domainName(written);
    if (!served.includes(domain))
      throw new OperationError(`the domain ${domain} was not added by command (edit mydestination in main.cf)`);
    await services.store.directory.setDomain(domain, false);
    return { domain };
  },
};
