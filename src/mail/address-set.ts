/** Addresses as settings list them: `a@example.org`, `postmaster@` in any domain, `example.org` for all of it. */
import { type Address, addressKey, domainOf, localPart } from './address.ts';

/** Whether an address is one of them, in any case. */
export function addressSet(listed: readonly string[]): (address: Address) => boolean {
  const keys = new Set(listed.map(addressKey));
  return (address) => {
    const key = addressKey(address);
    return keys.has(key) || keys.has(`${localPart(key)}@`) || keys.has(domainOf(key));
  };
}
