/**
 * Addresses of the Sender Rewriting Scheme, as libsrs2 and postsrsd write them:
 *
 *   SRS0=HASH=TT=domain=user@ours              of a sender that is no such address
 *   SRS1=HASH=first==HASH=TT=domain=user@ours  of one that another server (first) has made
 *
 * HASH is the beginning of an HMAC-SHA1 in base64, TT the day in base32. Servers in between may change the case of a local
 * part, so it does not count.
 */
import { createHmac } from 'node:crypto';
import { equalOctets } from '../../src/lookup/equal-octets.ts';
import { type Address, domainOf, localPart } from '../../src/mail/address.ts';

export interface SrsRules {
  /** Of the rewritten addresses. */
  readonly domain: string;
  /** Characters of the hash. */
  readonly hashLength: number;
  /** For so many days a rewritten address is accepted. */
  readonly days: number;
}

export type Decoded = { readonly address: Address } | { readonly fault: 'forged' | 'expired' };

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const DAY_MS = 86_400_000;
/** Two digits of base32. */
const CYCLE = 1_024;

const SRS0 = /^SRS0[-+=]([^=]+)=([A-Z2-7]{2})=([^=]+)=(.+)$/i;
const SRS1 = /^SRS1[-+=]([^=]+)=([^=]+)=([-+=].+)$/i;
/** What a local part without quotes is made of (RFC 5321 Dot-string), and what RFC 6531 adds. */
const PLAIN = /^[\w!#$%&'*+\-/=?^`{|}~.\u0080-\u{10ffff}]+$/u;

export const isSrs = (address: Address): boolean => /^SRS[01][-+=]/i.test(address);

/** `secret` signs, `now` in ms since 1970. Null where the address cannot be part of another one. */
export function encode(sender: Address, secret: string, now: number, rules: SrsRules): Address | null {
  const local = localPart(sender);
  const host = sender.slice(local.length + 1);
  if (!PLAIN.test(local) || domainOf(sender) === '' || /[=@[\]]/.test(host)) return null;
  const made = again(local, host, secret, rules) ?? first(local, host, secret, now, rules);
  return `${made}@${rules.domain}`;
}

function first(local: string, host: string, secret: string, now: number, rules: SrsRules): string {
  const day = Math.floor(now / DAY_MS) % CYCLE;
  const stamp = `${BASE32.charAt(day >> 5)}${BASE32.charAt(day & 31)}`;
  return `SRS0=${hash(secret, [stamp, host, local], rules.hashLength)}=${stamp}=${host}=${local}`;
}

/** A bounce goes to the first server, over us alone: the address does not grow with each server. */
function again(local: string, host: string, secret: string, { hashLength }: SrsRules): string | null {
  const [, , origin, inner] = SRS1.exec(local) ?? [];
  if (origin !== undefined && inner !== undefined)
    return `SRS1=${hash(secret, [origin, inner], hashLength)}=${origin}=${inner}`;
  if (!/^SRS0[-+=]/i.test(local)) return null;
  const rest = local.slice('SRS0'.length);
  return `SRS1=${hash(secret, [host, rest], hashLength)}=${host}=${rest}`;
}

/** Whom a rewritten address stands for. */
export function decode(address: Address, secrets: readonly string[], now: number, rules: SrsRules): Decoded {
  const local = localPart(address);
  const [, given = '', stamp, host, user] = SRS0.exec(local) ?? [];
  if (stamp !== undefined && host !== undefined && user !== undefined) {
    if (!isSigned(given, [stamp, host, user], secrets, rules)) return { fault: 'forged' };
    return isInTime(stamp.toUpperCase(), now, rules.days) ? { address: `${user}@${host}` } : { fault: 'expired' };
  }
  const [, hashed = '', origin, inner] = SRS1.exec(local) ?? [];
  if (origin === undefined || inner === undefined || !isSigned(hashed, [origin, inner], secrets, rules))
    return { fault: 'forged' };
  return { address: `SRS0${inner}@${origin}` };
}

function isInTime(stamp: string, now: number, days: number): boolean {
  const day = BASE32.indexOf(stamp.charAt(0)) * 32 + BASE32.indexOf(stamp.charAt(1));
  return (Math.floor(now / DAY_MS) - day + CYCLE) % CYCLE <= days;
}

const isSigned = (
  given: string,
  parts: readonly string[],
  secrets: readonly string[],
  { hashLength }: SrsRules,
): boolean => given.length >= hashLength && secrets.some((secret) => isSame(given, hash(secret, parts, given.length)));

const isSame = (given: string, right: string): boolean =>
  equalOctets(Buffer.from(given.toLowerCase()), Buffer.from(right.toLowerCase()));

const hash = (secret: string, parts: readonly string[], length: number): string =>
  createHmac('sha1', secret).update(parts.join('').toLowerCase()).digest('base64').slice(0, length);
