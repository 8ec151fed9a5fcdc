/** Senders that change with each message, as the one that they are. */
import { type Address, addressKey, domainOf, localPart } from '../../src/mail/address.ts';

/**
 * The sender without what is another one for each message: extensions (VERP), numbers and long hexadecimal words, the
 * hash and the day of SRS, the tag of BATV (`prvs=tag=user`).
 */
export function steadySender(sender: Address): string {
  const local = localPart(addressKey(sender));
  const steady = local
    .replace(/^(srs[01])([=+-])[^=]*=/, '$1$2#=')
    .replace(/^(srs0.#=)[^=]*=/, '$1#=')
    .replace(/^(srs1.*==)[^=]*=[^=]*=/, '$1#=#=')
    .replace(/^prvs=[^=]*=/, 'prvs=#=')
    .replace(/(?<=[^=+-])\+.*$/, '')
    .replace(/\b(?=[a-f]*\d)[\da-f]{8,}\b|\d+/g, '#');
  return `${steady}@${domainOf(sender)}`;
}
