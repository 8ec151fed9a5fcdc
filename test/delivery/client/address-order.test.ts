/** Which addresses of a destination are tried, and in which order. */
import { describe, expect, it } from 'vitest';
import { type AddressOrder, orderAddresses } from '../../../src/delivery/client/address-order.ts';

const ORDER: AddressOrder = { preferred: 'any', randomize: false, balance: true, limit: 5 };
/** `10 4a` is an IPv4 address of preference 10. */
const addresses = (...words: readonly string[]) =>
  words.map((word) => {
    const [preference, name = ''] = word.split(' ');
    return { preference: Number(preference), ip: name.startsWith('6') ? `2001:db8::${name[1]}` : '192.0.2.1', name };
  });
const names = (items: readonly { readonly name: string }[]): string => items.map(({ name }) => name).join(' ');
const ordered = (order: Partial<AddressOrder>, words: readonly string[], random = () => 0.5): string =>
  names(orderAddresses(addresses(...words), { ...ORDER, ...order }, random));

describe('the order of addresses', () => {
  it('P17: MX preference comes first, then smtp_address_preference', () => {
    const words = ['20 4a', '10 4b', '10 6c', '20 6d'];
    expect(ordered({}, words)).toBe('4b 6c 4a 6d');
    expect(ordered({ preferred: 'ipv6' }, words)).toBe('6c 4b 6d 4a');
    expect(ordered({ preferred: 'ipv4' }, words)).toBe('4b 6c 4a 6d');
  });

  it('P17: equal ones are in random order, unless smtp_randomize_addresses is off', () => {
    const chances = [0.9, 0.1, 0.5];
    const random = (): number => chances.shift() ?? 0;
    expect(ordered({ randomize: true }, ['10 4a', '10 4b', '10 4c'], random)).toBe('4b 4c 4a');
    expect(ordered({}, ['10 4a', '10 4b', '10 4c'])).toBe('4a 4b 4c');
  });

  it.each([
    // Half of the limit is kept for the other kind, as far as it needs it.
    ['10 6a 10 6b 10 6c 10 6d 10 6e 20 4f 20 4g 20 4h', true, '6a 6b 6c 4f 4g'],
    ['10 6a 10 6b 10 6c 10 6d 10 6e 20 4f', true, '6a 6b 6c 6d 4f'],
    ['10 4a 10 4b 10 4c 10 4d 10 4e 20 6e 20 6f', true, '4a 4b 4c 6e 6f'],
    ['10 6a 10 6b 10 6c 10 6d 10 6e 20 4f 20 4g 20 4h', false, '6a 6b 6c 6d 6e'],
    ['10 6a 20 4b', true, '6a 4b'],
  ])('P17: with smtp_balance_inet_protocols one kind does not use up the limit: %s, %s', (text, balance, expected) => {
    const words = [...text.matchAll(/\d+ \w+/g)].map(([word]) => word);
    expect(ordered({ balance }, words)).toBe(expected);
  });

  it('P17: a limit of 0 keeps all, and of 1 the first', () => {
    const words = ['10 6a', '10 6b', '10 4c'];
    expect(ordered({ limit: 0 }, words)).toBe('6a 6b 4c');
    expect(ordered({ limit: 1 }, words)).toBe('6a');
  });
});
