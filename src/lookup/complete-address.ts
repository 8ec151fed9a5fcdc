/** Results of address tables, completed (virtual(5), canonical(5)). */
import { localPart } from '../mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../mail/local-part.ts';
import type { Rewrite } from './address-rewriting.ts';

/**
 * A result in standard form with the extension that the key did not include; for `@domain`, with the local part of
 * `address`.
 */
export function completeAddress(result: string, address: string, extension: string, rewrite: Rewrite): string {
  if (result.startsWith('@')) return rewrite(localPart(address) + result);
  const whole = rewrite(result);
  if (extension === '') return whole;
  const user = quoteLocalPart(unquoteLocalPart(localPart(whole)) + extension);
  return whole.includes('@') ? user + whole.slice(whole.lastIndexOf('@')) : user;
}
