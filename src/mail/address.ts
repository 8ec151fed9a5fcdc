/**
 * Mail addresses as in the envelope (RFC 5321 section 4.1.2).
 *
 * An address is kept as the peer wrote it; comparisons use `addressKey`. Whole addresses are compared
 * case-insensitively, as in Postfix. The null reverse-path is the empty string.
 */

import { unquoteLocalPart } from './local-part.ts';

/** `local@domain`, a bare local part, or '' for the null reverse-path. Never with angle brackets. */
export type Address = string;

/** The part before the last `@`, or the whole address if it has none. */
export function localPart(address: Address): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? address : address.slice(0, at);
}

/** The part after the last `@` in lower case without a final dot, or '' if there is none. */
export function domainOf(address: Address): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1, address.endsWith('.') ? -1 : undefined).toLowerCase();
}

/** As Postfix names an address in replies and logs: its local part without quotes. */
export function unquoted(address: Address): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? unquoteLocalPart(address) : `${unquoteLocalPart(address.slice(0, at))}${address.slice(at)}`;
}

/** The form in which addresses are compared and stored as keys. */
export function addressKey(address: Address): string {
  return address.toLowerCase();
}

/** Appends `@domain` if the address has none (Postfix: append_at_myorigin). */
export function qualify(address: Address, domain: string): Address {
  return address === '' || address.includes('@') ? address : `${address}@${domain}`;
}

/** Where `splitDetail` splits (Postfix: split_addr). */
export interface Delimiters {
  /** recipient_delimiter: each character is one; '' for none. */
  readonly characters: string;
  /** Local parts that are never split, in lower case. */
  readonly whole: ReadonlySet<string>;
  /** Nor are owner-… and …-request (owner_request_special). */
  readonly ownerRequest: boolean;
}

/** Splits `user+detail` at the first delimiter. Returns null if there is no detail. */
export function splitDetail(local: string, delimiters: Delimiters): { user: string; detail: string } | null {
  const { characters, whole, ownerRequest } = delimiters;
  if (characters === '') return null;
  for (let i = 1; i < local.length; i += 1) {
    if (!characters.includes(local.charAt(i))) continue;
    const lower = local.toLowerCase();
    if (whole.has(lower) || (ownerRequest && /^owner-|.-request$/.test(lower))) return null;
    return { user: local.slice(0, i), detail: local.slice(i + 1) };
  }
  return null;
}
