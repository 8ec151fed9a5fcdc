/**
 * Aliases, as `posthorn alias` manages them: as in Postfix's virtual_alias_maps, an alias takes precedence over the
 * account of its name, and `@domain` over every account of the domain. An alias that would silently divert an account's
 * mail is refused.
 */

import { few } from '../few.ts';
import { delimitersOf } from '../lookup/delimiters.ts';
import { addressKey, type Delimiters, domainOf, localPart, splitDetail } from '../mail/address.ts';
import { aliasKey, aliasTarget } from './addresses.ts';
import { type AdminServices, type Operation, OperationError, text, texts } from './operation.ts';

type Aliases = ReadonlyMap<string, readonly string[]>;

/** Maximum number of steps when searching for a loop. */
const FOLLOWED = 10_000;
/** How many addresses a message names. */
const NAMED = 3;

export const setAlias: Operation = async (services, given) => {
  const address = aliasKey(services, text(given, 'address'));
  const targets = [...new Set(texts(given, 'targets').map((target) => aliasTarget(services, target)))];
  if (targets.length === 0)
    throw new OperationError(`an alias needs at least one target; "posthorn alias remove ${address}" removes it`);
  const after = new Map(await services.store.directory.aliases()).set(address, targets);
  const delimiters = delimitersOf(services.parameters);
  const circle = circleFrom(address, after, delimiters);
  if (circle !== null) throw new OperationError(`aliases would form a loop: ${circle.join(' -> ')}`);
  const shadowed = await shadowedBy(services, address, after);
  if (shadowed.length > 0) throw new OperationError(shadowWords(address, shadowed));
  await services.store.directory.setAlias(address, targets);
  const missing = await missingTargets(services, targets, after, delimiters);
  return {
    address,
    targets,
    ...(missing.length === 0 ? {} : { note: `no such account or alias yet: ${few(missing, NAMED)}` }),
  };
};

export const aliasOperations: Readonly<Record<string, Operation>> = {
  'alias.list': async (services) =>
    [...(await services.store.directory.aliases())].map(([address, targets]) => ({ address, targets })),
  'alias.set': setAlias,
  'alias.remove': async (services, given) => {
    const address = await existingKey(services, text(given, 'address'));
    await services.store.directory.setAlias(address, []);
    return { address };
  },
};

/** An alias created by an older version is found by its original spelling. */
async function existingKey(services: AdminServices, given: string): Promise<string> {
  const aliases = await services.store.directory.aliases();
  const asWritten = addressKey(given);
  if (aliases.has(asWritten)) return asWritten;
  const address = aliasKey(services, given);
  if (!aliases.has(address))
    throw new OperationError(`there is no alias ${address} (those in files are changed in the file)`);
  return address;
}

/**
 * Where aliases made by command send the mail for an address; null if none does, or the address also keeps its mail.
 */
export function takenBy(address: string, aliases: Aliases): readonly string[] | null {
  const targets = aliases.get(address) ?? aliases.get(`@${domainOf(address)}`);
  if (targets === undefined || targets.some((target) => at(target, address) === address)) return null;
  return targets;
}

/** `@domain` is the same name in another domain. */
const at = (target: string, address: string): string =>
  addressKey(target.startsWith('@') ? localPart(address) + target : target);

async function shadowedBy(services: AdminServices, key: string, after: Aliases): Promise<readonly string[]> {
  const accounts = await services.store.directory.list();
  const concerned = accounts.filter(({ address }) =>
    key.startsWith('@') ? domainOf(address) === key.slice(1) && !after.has(address) : address === key,
  );
  return concerned.flatMap(({ address }) => (takenBy(address, after) === null ? [] : [address]));
}

const shadowWords = (key: string, shadowed: readonly string[]): string =>
  key.startsWith('@')
    ? `${key} would take the mail of ${few(shadowed, NAMED)}, because aliases take precedence over accounts; "posthorn alias set ${shadowed[0]} ${shadowed[0]}" and so on lets each keep its own`
    : `${key} is an account whose mail the alias would divert; add ${key} to the targets to keep a copy, or remove the account`;

/** The path back to `start`; null if there is none. An address among its own targets is its mailbox. */
function circleFrom(start: string, aliases: Aliases, delimiters: Delimiters): readonly string[] | null {
  const seen = new Set<string>();
  // For `@domain`: any name without an alias of its own.
  const first = start.startsWith('@') ? `*${start}` : start;
  const ways: (readonly string[])[] = [[first]];
  for (let way = ways.pop(); way !== undefined && seen.size < FOLLOWED; way = ways.pop()) {
    const address = way.at(-1) ?? first;
    for (const target of nextOf(address, aliases, delimiters)) {
      const next = at(target, address);
      if (next === address) continue;
      if (next === first) return [...way.map(shown), shown(first)];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return null;
}

const shown = (address: string): string => address.replace(/^\*@/, '@');

function nextOf(address: string, aliases: Aliases, delimiters: Delimiters): readonly string[] {
  const detail = splitDetail(localPart(address), delimiters);
  const domain = domainOf(address);
  return (
    aliases.get(address) ??
    (detail === null ? undefined : aliases.get(`${detail.user}@${domain}`)) ??
    aliases.get(`@${domain}`) ??
    []
  );
}

/** Targets in our own domains that do not exist. */
export async function missingTargets(
  services: AdminServices,
  targets: readonly string[],
  aliases: Aliases,
  delimiters: Delimiters,
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const target of targets) {
    if (target.startsWith('@') || nextOf(addressKey(target), aliases, delimiters).length > 0) continue;
    if (!(await services.recipientExists(target))) missing.push(target);
  }
  return missing;
}
