/**
 * The order in which the addresses of a destination are tried: MX preference first, then smtp_address_preference; equal
 * ones at random (smtp_randomize_addresses). Pure.
 */
import { isIPv6 } from 'node:net';

export interface AddressOrder {
  readonly preferred: 'any' | 'ipv4' | 'ipv6';
  readonly randomize: boolean;
  /** One kind of addresses must not use up the limit (smtp_balance_inet_protocols). */
  readonly balance: boolean;
  /** smtp_mx_address_limit; 0 means none. */
  readonly limit: number;
}

interface Ranked {
  readonly ip: string;
  readonly preference: number;
}

/** `random` returns a number from 0 up to 1. */
export function inOrder<T extends { readonly preference: number }>(
  items: readonly T[],
  random: (() => number) | null,
  rank: (item: T) => number = () => 0,
): T[] {
  const keyed = items.map((item) => ({ item, rank: rank(item), chance: random === null ? 0 : random() }));
  keyed.sort((a, b) => a.item.preference - b.item.preference || a.rank - b.rank || a.chance - b.chance);
  return keyed.map(({ item }) => item);
}

export function orderAddresses<T extends Ranked>(
  addresses: readonly T[],
  order: AddressOrder,
  random: () => number,
): T[] {
  const { preferred, limit } = order;
  const second = ({ ip }: T): number => (preferred === 'any' || (preferred === 'ipv6') === isIPv6(ip) ? 0 : 1);
  const sorted = inOrder(addresses, order.randomize ? random : null, second);
  if (limit === 0) return sorted;
  return (order.balance && limit > 1 ? balanced(sorted, limit) : sorted).slice(0, limit);
}

/** Half of the limit for each kind; what one does not need is the other's. */
function balanced<T extends Ranked>(sorted: readonly T[], limit: number): T[] {
  const six = sorted.filter(({ ip }) => isIPv6(ip)).length;
  const four = sorted.length - six;
  const most = { six: Math.min(six, Math.max(Math.ceil(limit / 2), limit - four)), four: limit };
  most.four -= most.six;
  return sorted.filter(({ ip }) => (isIPv6(ip) ? most.six-- : most.four--) > 0);
}
