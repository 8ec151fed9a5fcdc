/**
 * The lookup keys of an address, most specific first: access(5), virtual(5), canonical(5), aliases(5), transport(5).
 *
 * Keys are in lower case. A local part that needs quotes is looked up with and without them (as in Postfix since
 * 3.2), and its address extension (recipient_delimiter) is found inside the quotes. The part of the address that is
 * not in the key keeps its case, because it can become part of a result (propagate_unmatched_extensions).
 */
import { type Address, type Delimiters, domainOf, localPart, splitDetail } from '../mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../mail/local-part.ts';
import type { LookupTable } from './table.ts';

export interface AddressKey {
  readonly text: string;
  /** The part of the address omitted from this key: `+detail`, or ''. */
  readonly extension: string;
}

export interface Found {
  readonly value: string;
  readonly key: AddressKey;
  readonly table: LookupTable;
}

/** Names from the network may have many labels: only so many parents are looked up, the shortest. */
const MOST_PARENTS = 63;

/** The user of an address, unquoted: with the extension, then without (aliases(5)). */
export function userKeys(address: Address, delimiters: Delimiters): readonly AddressKey[] {
  const user = unquoteLocalPart(localPart(address));
  const detail = splitDetail(user, delimiters);
  const whole = { text: user.toLowerCase(), extension: '' };
  return detail === null
    ? [whole]
    : [whole, { text: detail.user.toLowerCase(), extension: user.slice(detail.user.length) }];
}

/** The users of `userKeys`; those that need quotes also in quoted form, first. */
function userForms(address: Address, delimiters: Delimiters): readonly AddressKey[] {
  return userKeys(address, delimiters).flatMap((key) => {
    const quoted = quoteLocalPart(key.text);
    return quoted === key.text ? [key] : [{ ...key, text: quoted }, key];
  });
}

const at = (keys: readonly AddressKey[], domain: string): AddressKey[] =>
  keys.map((key) => ({ ...key, text: `${key.text}@${domain}` }));

/**
 * virtual(5), canonical(5): `user+detail@domain`, `user@domain`, the user alone if `bareUser` (the domain is one of
 * our own), `@domain`. An address without a domain has the keys of its user.
 */
export function mailboxKeys(address: Address, delimiters: Delimiters, bareUser: boolean): readonly AddressKey[] {
  const users = userForms(address, delimiters);
  const domain = domainOf(address);
  if (domain === '') return users;
  return [...at(users, domain), ...(bareUser ? users : []), { text: `@${domain}`, extension: '' }];
}

/** access(5): `user+detail@domain`, `user@domain`, the domain and its parents, `user+detail@`, `user@`. */
export function accessKeys(address: Address, parentMatches: boolean, delimiters: Delimiters): readonly string[] {
  const users = userForms(address, delimiters);
  const domain = domainOf(address);
  const whole =
    domain === '' ? users : [...at(users, domain), ...hostKeys(domain, parentMatches).map((text) => ({ text }))];
  return [...whole, ...at(users, '')].map(({ text }) => text);
}

/** transport(5): `user+detail@domain`, `user@domain`, the domain and its parents as `.example.com`, `*`. */
export function transportKeys(address: Address, delimiters: Delimiters): readonly AddressKey[] {
  const domain = domainOf(address);
  const hosts = hostKeys(domain, false).map((text) => ({ text, extension: '' }));
  return [...at(userForms(address, delimiters), domain), ...hosts, { text: '*', extension: '' }];
}

/** `mail.example.com`, then its parents: as `example.com`, or as `.example.com` if `parentMatches` is false. */
export function hostKeys(name: string, parentMatches: boolean): readonly string[] {
  const host = name.toLowerCase().replace(/\.$/, '');
  const parents: string[] = [];
  for (
    let dot = host.lastIndexOf('.');
    dot >= 0 && parents.length < MOST_PARENTS;
    dot = dot === 0 ? -1 : host.lastIndexOf('.', dot - 1)
  )
    parents.push(host.slice(parentMatches ? dot + 1 : dot));
  return [host, ...parents.reverse()];
}

/** `192.0.2.1`, `192.0.2`, `192.0`, `192`; an IPv6 address likewise by its groups. */
export function ipKeys(ip: string): readonly string[] {
  const plain = ip.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  const separator = plain.includes(':') ? ':' : '.';
  const keys: string[] = [];
  for (let key = plain; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf(separator)))) {
    if (!key.endsWith(separator)) keys.push(key);
  }
  return keys;
}

/**
 * The result for the first key found; null if none is. Pattern tables get the first key only. Rejects if a table
 * cannot answer.
 */
export async function lookUp(tables: readonly LookupTable[], keys: readonly AddressKey[]): Promise<Found | null> {
  for (const key of keys) {
    for (const table of tables) {
      if (table.wholeKeyOnly && key !== keys[0]) continue;
      const found = table.get(key.text);
      const value = found instanceof Promise ? await found : found;
      if (value !== undefined) return { value, key, table };
    }
  }
  return null;
}
