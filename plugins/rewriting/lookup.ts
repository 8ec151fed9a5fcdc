/**
 * How an address is looked for in Postfix's address tables (virtual(5), canonical(5), aliases(5)), most
 * specific key first: with and without its extension, by user alone in our own domains, by `@domain`.
 */
import type { LookupTable } from '../../src/lookup/table.ts';
import { domainOf, localPart, splitDetail } from '../../src/mail/address.ts';

export interface Key {
  readonly text: string;
  /** What was left out of the address to make this key: `+detail`, or ''. */
  readonly extension: string;
}

export interface Found {
  readonly value: string;
  readonly key: Key;
}

/** `"john smith"` as john smith: tables hold names without quotes. */
const unquoted = (local: string): string => /^"((?:[^"\\]|\\.)*)"$/s.exec(local)?.[1]?.replace(/\\(.)/gs, '$1') ?? local;

/** User names, with the extension and without. */
export function userKeys(address: string, delimiters: string): readonly Key[] {
  const user = unquoted(localPart(address)).toLowerCase();
  const detail = delimiters === '' ? null : splitDetail(user, delimiters);
  const whole = { text: user, extension: '' };
  return detail === null ? [whole] : [whole, { text: detail.user, extension: user.slice(detail.user.length) }];
}

/** `bareUser`: the domain is one of our own, so that the user alone is a key too. */
export function addressKeys(address: string, delimiters: string, bareUser: boolean): readonly Key[] {
  const domain = domainOf(address);
  const users = userKeys(address, delimiters);
  return [...users.map((key) => ({ ...key, text: `${key.text}@${domain}` })), ...(bareUser ? users : []), { text: `@${domain}`, extension: '' }];
}

/** The first key that a table has. Rejects where a table cannot answer. */
export async function find(tables: readonly LookupTable[], keys: readonly Key[]): Promise<Found | null> {
  for (const key of keys) {
    for (const table of tables) {
      if (table.wholeKeyOnly && key !== keys[0]) continue;
      const found = table.get(key.text);
      const value = found instanceof Promise ? await found : found;
      if (value !== undefined) return { value, key };
    }
  }
  return null;
}

/** A result in its domain, with the extension put back where it was left out, and the local part of `address` for `@domain`. */
export function complete(result: string, address: string, extension: string, origin: string): string {
  if (result.startsWith('@')) return localPart(address) + result;
  const user = localPart(result) + extension;
  return result.includes('@') ? `${user}@${result.slice(result.lastIndexOf('@') + 1)}` : `${user}@${origin}`;
}
