/** What a first attempt and its repetition have in common: the client's network, the sender, the recipient. */
import { createHash } from 'node:crypto';
import { parseAddress } from '../../src/lookup/network.ts';
import { type Address, addressKey, domainOf, localPart } from '../../src/mail/address.ts';

export interface PrefixLengths {
  readonly ipv4: number;
  readonly ipv6: number;
}

/** `203.0.113.0/24`: large senders repeat from a neighbour of the host that tried first. */
export function networkOf(ip: string, lengths: PrefixLengths): string {
  const address = parseAddress(ip);
  if (address === null) return ip.slice(0, 60);
  const bits = lengths[address.kind()];
  const octets = address
    .toByteArray()
    .map((octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))) & 255);
  return `${address.kind() === 'ipv4' ? octets.join('.') : hexGroups(octets)}/${bits}`;
}

const hexGroups = (octets: readonly number[]): string =>
  Buffer.from(octets)
    .toString('hex')
    .replace(/.{4}(?=.)/g, '$&:');

/**
 * The sender without what is another one for each message: extensions (VERP), numbers and long hexadecimal words, the
 * hash and the day of SRS, the tag of BATV (`prvs=tag=user`). @internal
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

/** Addresses may be long, and the store need not know who writes to whom. */
export const tripletKey = (network: string, sender: Address, recipient: Address): string =>
  `triplet:${createHash('sha256')
    .update([network, steadySender(sender), addressKey(recipient)].join('\n'))
    .digest('base64url')}`;
