/** Results of address tables, completed (virtual(5), canonical(5)). */
import { localPart } from '../../src/mail/address.ts';
import { quoteLocalPart, unquoteLocalPart } from '../../src/mail/local-part.ts';

/** A result in its domain, with the extension that the key left out, and the local part of `address` for `@domain`. */
export function complete(result: string, address: string, extension: string, origin: string): string {
  if (result.startsWith('@')) return localPart(address) + result;
  const user = extension === '' ? localPart(result) : quoteLocalPart(unquoteLocalPart(localPart(result)) + extension);
  return result.includes('@') ? `${user}@${result.slice(result.lastIndexOf('@') + 1)}` : `${user}@${origin}`;
}
