/**
 * The sender of probes (Postfix: address_verify_sender), whose local part changes with the time where
 * address_verify_sender_ttl is set: who collects it cannot send to it for long.
 */
import { addressKey, qualify } from '../mail/address.ts';
import type { ParameterReader } from './parameters.ts';

export interface VerifySender {
  /** The address at a time, ms since 1970; '' is the null sender. */
  at(now: number): string;
  /** Of an address that is the sender, in this period or the one before, the one that does not change. */
  baseOf(address: string, now: number): string | null;
}

/** Postfix's safe_ultostr: no vowels, so no words. */
const DIGITS = '0123456789BCDFGHJKLMNPQRSTVWXYZ';

export function readVerifySender(parameters: ParameterReader): VerifySender {
  const given = parameters.string('address_verify_sender');
  const ttl = parameters.time('address_verify_sender_ttl');
  const base = given === '' || given === '<>' ? '' : qualify(given, parameters.string('myorigin'));
  if (base === '') return { at: () => '', baseOf: () => null };
  if (ttl === 0)
    return { at: () => base, baseOf: (address) => (addressKey(address) === addressKey(base) ? base : null) };
  const at = base.indexOf('@');
  const inPeriod = (period: number): string => `${base.slice(0, at)}${inDigits(period)}${base.slice(at)}`;
  const periodAt = (now: number): number => Math.floor(now / ttl);
  return {
    at: (now) => inPeriod(periodAt(now)),
    baseOf(address, now) {
      const asked = addressKey(address);
      const period = periodAt(now);
      return [period, period - 1].some((one) => addressKey(inPeriod(one)) === asked) ? base : null;
    },
  };
}

function inDigits(value: number): string {
  const digit = DIGITS.charAt(value % DIGITS.length);
  return value < DIGITS.length ? digit : inDigits(Math.floor(value / DIGITS.length)) + digit;
}
