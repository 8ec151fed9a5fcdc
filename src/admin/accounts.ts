/** Accounts, aliases and domains, as `posthorn user`, `alias` and `domain` manage them. */
import { randomInt } from 'node:crypto';
import type { Account } from '../mail/account.ts';
import { domainOf, qualify } from '../mail/address.ts';
import { type AdminHouse, type Arguments, type Operation, OperationError, optionalText, text, texts } from './operation.ts';

// No letters or digits that look like another: a password that is printed once is typed by hand.
const PASSWORD_ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** Four groups of four: 80 bits. */
export function newPassword(): string {
  const group = (): string => Array.from({ length: 4 }, () => PASSWORD_ALPHABET.charAt(randomInt(PASSWORD_ALPHABET.length))).join('');
  return [group(), group(), group(), group()].join('-');
}

/** An address as it will be stored, or a refusal that says what is wrong with it. */
function addressOf(house: AdminHouse, given: Arguments): string {
  const address = qualify(text(given, 'address'), house.defaultDomain).toLowerCase();
  if (!/^[^\s@<>"(),:;\\[\]]{1,64}@[^\s@<>]{1,255}$/.test(address)) throw new OperationError(`"${address}" is no address; expected name@domain`);
  return address;
}

async function existing(house: AdminHouse, given: Arguments): Promise<Account> {
  const address = addressOf(house, given);
  const account = await house.store.directory.find(address);
  if (account === null) throw new OperationError(`there is no account ${address}; "posthorn user list" shows all`);
  return account;
}

const shown = (account: Account) => ({
  address: account.address,
  quota: account.quota,
  disabled: account.disabled,
  created: new Date(account.createdAt).toISOString(),
});

async function passwordOf(house: AdminHouse, given: Arguments): Promise<{ hash: string; generated?: string }> {
  const password = optionalText(given, 'password');
  if (password === '') throw new OperationError('the password is empty');
  const generated = password === undefined ? newPassword() : undefined;
  return { hash: await house.hashPassword(password ?? generated ?? ''), ...(generated === undefined ? {} : { generated }) };
}

/** An account may be made before its domain is; that its mail goes elsewhere until then is easily overlooked. */
async function unservedNote(house: AdminHouse, domain: string): Promise<{ note?: string }> {
  if (await house.serves(domain)) return {};
  return { note: `mail for ${domain} goes elsewhere as yet; "posthorn domain add ${domain}" serves it here` };
}

export const accountOperations: Readonly<Record<string, Operation>> = {
  'user.add': async (house, given) => {
    const address = addressOf(house, given);
    if ((await house.store.directory.find(address)) !== null)
      throw new OperationError(`the account ${address} exists already; "posthorn user passwd" changes its password`);
    const { hash, generated } = await passwordOf(house, given);
    await house.store.directory.create({ address, passwordHash: hash });
    return { address, ...(generated === undefined ? {} : { password: generated }), ...(await unservedNote(house, domainOf(address))) };
  },
  'user.passwd': async (house, given) => {
    const account = await existing(house, given);
    const { hash, generated } = await passwordOf(house, given);
    await house.store.directory.update(account.id, { passwordHash: hash });
    return { address: account.address, ...(generated === undefined ? {} : { password: generated }) };
  },
  'user.list': async (house) => (await house.store.directory.list()).map(shown),
  'user.remove': async (house, given) => {
    const account = await existing(house, given);
    await house.store.directory.remove(account.id);
    return { address: account.address };
  },
  'alias.list': async (house) => [...(await house.store.directory.aliases())].map(([address, targets]) => ({ address, targets })),
  'alias.set': async (house, given) => {
    const key = text(given, 'address').toLowerCase();
    const address = key.startsWith('@') ? key : addressOf(house, given);
    const targets = texts(given, 'targets').map((target) => qualify(target, house.defaultDomain));
    if (targets.length === 0) throw new OperationError(`an alias needs at least one target; "posthorn alias remove ${address}" takes it away`);
    await house.store.directory.setAlias(address, targets);
    return { address, targets };
  },
  'alias.remove': async (house, given) => {
    const key = text(given, 'address').toLowerCase();
    const address = key.startsWith('@') ? key : addressOf(house, given);
    if (!(await house.store.directory.aliases()).has(address))
      throw new OperationError(`there is no alias ${address} (those in files are changed in the file)`);
    await house.store.directory.setAlias(address, []);
    return { address };
  },
  'domain.list': async (house) => house.store.directory.domains(),
  'domain.add': async (house, given) => {
    const domain = text(given, 'domain').toLowerCase();
    if (!/^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(domain)) throw new OperationError(`"${domain}" is no domain name`);
    await house.store.directory.setDomain(domain, true);
    return { domain };
  },
  'domain.remove': async (house, given) => {
    const domain = text(given, 'domain').toLowerCase();
    if (!(await house.store.directory.domains()).includes(domain))
      throw new OperationError(`the domain ${domain} is not served by command (mydestination is changed in main.cf)`);
    await house.store.directory.setDomain(domain, false);
    return { domain };
  },
};
