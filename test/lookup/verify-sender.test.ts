import { expect, it } from 'vitest';
import { readVerifySender } from '../../src/lookup/verify-sender.ts';
import { parametersOf } from '../kit/parameters.ts';

const NOW = Date.UTC(2026, 10, 27, 19, 57, 13);
const senderOf = (settings: Readonly<Record<string, string>>) =>
  readVerifySender(parametersOf({ myorigin: 'ours.test', ...settings }));

it('P7: address_verify_sender_ttl gives the sender that Postfix 3.7 gave at this time', () => {
  const sender = senderOf({ address_verify_sender_ttl: '60s' });
  expect(sender.at(NOW)).toBe('double-bounce11DNSY@ours.test');
  // This period and the one before, in any case.
  expect(sender.baseOf('Double-Bounce11dnsy@OURS.test', NOW)).toBe('double-bounce@ours.test');
  expect(sender.baseOf('double-bounce11DNSX@ours.test', NOW)).toBe('double-bounce@ours.test');
  expect(sender.baseOf('double-bounce11DNSW@ours.test', NOW)).toBeNull();
  expect(sender.baseOf('double-bounce@ours.test', NOW)).toBeNull();
  expect(senderOf({}).baseOf('Double-bounce@ours.test', NOW)).toBe('double-bounce@ours.test');
  expect(sender.baseOf('double-bounce11DNSY@other.test', NOW)).toBeNull();
});

it('P7: the null sender never changes, and without address_verify_sender_ttl none does', () => {
  for (const address_verify_sender of ['', '<>'])
    expect(senderOf({ address_verify_sender, address_verify_sender_ttl: '1h' }).at(NOW)).toBe('');
  expect(senderOf({ address_verify_sender: 'probe@a.test' }).at(NOW)).toBe('probe@a.test');
  expect(senderOf({ address_verify_sender: 'probe@a.test', address_verify_sender_ttl: '1h' }).at(NOW)).toMatch(
    /^probe[0-9B-Z]+@a\.test$/,
  );
});
