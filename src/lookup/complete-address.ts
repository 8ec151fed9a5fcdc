/** Results of address tables, completed (virtual(5), canonical(5)). */
import { localPart } from '../mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../mail/local-part.ts';

/**
 * A result with its domain and the extension that the key did not include; for `@domain`, with the local part of
 * `address`.
 */
export function completeAddress(result: string, address: string, extension: string, origin: string): string {
  if (result.startsWith('@')) return localPart(address) + result;
  const user = extension === '' ? localPart(result) : quoteLocalPart(unquoteLocalPart(localPart(result)) + extension);
  return result.includes('@') ? `${user}@${result.slice(result.lastIndexOf('@') + 1)}` : `${user}@${origin}`;
}
