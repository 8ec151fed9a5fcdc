/** A list, and the addresses that belong to it. */
import { type Address, addressKey, domainOf, localPart } from '../../src/mail/address.ts';
import type { ListSettings } from './settings.ts';

const ROLES = ['request', 'subscribe', 'unsubscribe', 'confirm', 'bounces', 'owner'] as const;
export type Role = 'post' | (typeof ROLES)[number];

export interface List extends ListSettings {
  /** Its address, in lower case: the key of all that is kept of it. */
  readonly address: Address;
  /** RFC 2919: `friends.example.org`. */
  readonly id: string;
  readonly moderatorKeys: ReadonlySet<string>;
  readonly ownerKeys: ReadonlySet<string>;
}

export interface Place {
  readonly list: List;
  readonly role: Role;
  /** Behind `-confirm+` and `-bounces+`, in lower case; ''. */
  readonly token: string;
}

export function makeList(given: string, settings: ListSettings): List {
  const address = addressKey(given);
  const owners = settings.owners.map(addressKey);
  return {
    ...settings,
    address,
    id: `${localPart(address)}.${domainOf(address)}`,
    ownerKeys: new Set(owners),
    moderatorKeys: new Set([...owners, ...settings.moderators.map(addressKey)]),
  };
}

/** `friends-owner@example.org` of `friends@example.org`. */
export function addressOf({ address }: List, role: Role, token = ''): Address {
  const suffix = role === 'post' ? '' : `-${role}`;
  return `${localPart(address)}${suffix}${token === '' ? '' : `+${token}`}@${domainOf(address)}`;
}

/** Before it, the tag that BATV gives to senders: the token proves more than the tag. */
const WITH_TOKEN = /^(prvs=[0-9a-z]{10}=)?([^+]+)\+([0-9a-z]{1,64})@([^@]+)$/;

/** Finds what an address is for. Only the lists' own addresses are known, whatever else they look like. */
export class Places {
  readonly #places = new Map<string, Place>();

  constructor(lists: readonly List[]) {
    for (const list of lists)
      for (const role of ['post', ...ROLES] as const) {
        const address = addressOf(list, role);
        const other = this.#places.get(address)?.list;
        if (other !== undefined)
          throw new Error(`lists: ${address} is of ${other.address} and of ${list.address}; rename one of them`);
        this.#places.set(address, { list, role, token: '' });
      }
  }

  addresses(): readonly Address[] {
    return [...this.#places.keys()];
  }

  find(address: Address): Place | undefined {
    const key = addressKey(address);
    const place = this.#places.get(key);
    if (place !== undefined) return place;
    const [, tag, local = '', token = '', domain = ''] = WITH_TOKEN.exec(key) ?? [];
    const found = this.#places.get(`${local}@${domain}`);
    if (tag !== undefined && found?.role !== 'bounces') return undefined;
    return found?.role === 'confirm' || found?.role === 'bounces' ? { ...found, token } : undefined;
  }
}
