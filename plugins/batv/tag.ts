/**
 * Tagged addresses of Bounce Address Tag Validation (draft-levine-smtp-batv-01 section 3):
 *
 *   prvs=KDDDSSSSSS=user@domain
 *
 * K names the key, DDD is the day until which the address counts (days since 1970, the last three digits), SSSSSS the
 * beginning of an HMAC-SHA1 of K, DDD and the address in hexadecimal. Case does not count: servers in between change it.
 */
import { createHmac } from 'node:crypto';
import { equalOctets } from '../../src/lookup/equal-octets.ts';
import type { Address } from '../../src/mail/address.ts';

export type Untagged = { readonly address: Address } | { readonly fault: 'forged' | 'expired' };

const TAGGED = /^prvs=(\d)(\d{3})([0-9a-f]{6})=(.+@.+)$/i;
const DAY_MS = 86_400_000;
/** Three digits. */
const CYCLE = 1_000;

export const isTagged = (address: Address): boolean => /^prvs=/i.test(address);

/** `secret` signs; `now` in ms since 1970; `days`: for how long it counts. */
export function tag(address: Address, secret: string, now: number, days: number): Address {
  const until = String((Math.floor(now / DAY_MS) + days) % CYCLE).padStart(3, '0');
  return `prvs=${keyOf(secret)}${until}${signature(secret, `${keyOf(secret)}${until}`, address)}=${address}`;
}

/** The address that was tagged. */
export function untag(tagged: Address, secrets: readonly string[], now: number, days: number): Untagged {
  const [, key, until, given, address] = TAGGED.exec(tagged) ?? [];
  if (key === undefined || until === undefined || given === undefined || address === undefined)
    return { fault: 'forged' };
  const right = secrets
    .filter((secret) => keyOf(secret) === key)
    .some((secret) => isSame(given.toLowerCase(), signature(secret, `${key}${until}`, address)));
  if (!right) return { fault: 'forged' };
  const left = (Number(until) - (Math.floor(now / DAY_MS) % CYCLE) + CYCLE) % CYCLE;
  return left <= days ? { address } : { fault: 'expired' };
}

/** A digit of the secret itself: it stays when other secrets come and go. */
const keyOf = (secret: string): string =>
  String(createHmac('sha1', secret).update('key').digest().readUInt32BE(0) % 10);

const signature = (secret: string, prefix: string, address: Address): string =>
  createHmac('sha1', secret).update(`${prefix}${address.toLowerCase()}`).digest('hex').slice(0, 6);

const isSame = (one: string, other: string): boolean => equalOctets(Buffer.from(one), Buffer.from(other));
