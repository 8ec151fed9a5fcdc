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

/** The part after the last `@` in lower case, or '' if there is none. */
export function domainOf(address: Address): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.slice(at + 1).toLowerCase();
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

/**
 * Splits `user+detail` at the first delimiter (Postfix: recipient_delimiter).
 * Returns null if there is no detail; owner-… and …-request are never split.
 */
export function splitDetail(local: string, delimiters: string): { user: string; detail: string } | null {
  const lower = local.toLowerCase();
  if (
    lower === 'mailer-daemon' ||
    lower === 'double-bounce' ||
    lower.startsWith('owner-') ||
    lower.endsWith('-request')
  )
    return null;
  for (let i = 1; i < local.length; i += 1) {
    if (delimiters.includes(local.charAt(i))) return { user: local.slice(0, i), detail: local.slice(i + 1) };
  }
  return null;
}
