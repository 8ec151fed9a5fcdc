/**
 * Who is on a list. The members of a list are in 64 entries of the state, by a hash of the address: one is found by
 * reading one entry, all by reading 64, and an entry holds some 2000.
 */
import { createHash } from 'node:crypto';
import type { PluginState } from '../../src/bus/plugin.ts';
import { type Address, addressKey } from '../../src/mail/address.ts';
import type { List } from './list.ts';

export type Member = {
  readonly digest?: true;
  /** Bounces: the day (of 1970) and what it weighs. */
  readonly bounces?: readonly (readonly [day: number, weight: number])[];
  /** Ms since 1970: gets nothing since then, because mail bounced. */
  readonly suspended?: number;
  /** Has unsubscribed: an import does not bring it back. */
  readonly left?: true;
};
type Shard = { readonly [address: string]: Member };

const SHARDS = 64;

export const isOn = (member: Member | undefined): member is Member => member !== undefined && member.left !== true;

export class Members {
  readonly #state: PluginState;

  constructor(state: PluginState) {
    this.#state = state;
  }

  async get(list: List, address: Address): Promise<Member | undefined> {
    const key = addressKey(address);
    const shard = await this.#state.get<Shard>(shardKey(list, shardOf(key)));
    return shard !== undefined && Object.hasOwn(shard, key) ? shard[key] : undefined;
  }

  /** `change` gets the member, undefined if there is none. Returns what was there before. */
  async change(
    list: List,
    address: Address,
    change: (member: Member | undefined) => Member | undefined,
  ): Promise<Member | undefined> {
    const key = addressKey(address);
    let before: Member | undefined;
    await this.#state.update<Shard>(shardKey(list, shardOf(key)), (shard = {}) => {
      const { [key]: present, ...others } = shard;
      before = present;
      const after = change(present);
      return after === undefined ? others : { ...others, [key]: after };
    });
    return before;
  }

  /** Adds those who were never on the list. Returns how many. */
  async add(list: List, addresses: readonly Address[]): Promise<number> {
    const byShard = Map.groupBy(new Set(addresses.map(addressKey)), shardOf);
    let added = 0;
    for (const [shard, keys] of byShard) {
      let fresh: string[] = [];
      await this.#state.update<Shard>(shardKey(list, shard), (present = {}) => {
        fresh = keys.filter((key) => !Object.hasOwn(present, key));
        return { ...present, ...Object.fromEntries(fresh.map((key) => [key, {}])) };
      });
      added += fresh.length;
    }
    return added;
  }

  /** All that have not left, the suspended ones too. */
  async all(list: List): Promise<readonly (readonly [Address, Member])[]> {
    const shards = await Promise.all(
      Array.from({ length: SHARDS }, (_, shard) => this.#state.get<Shard>(shardKey(list, shard))),
    );
    return shards.flatMap((shard) => Object.entries(shard ?? {})).filter(([, member]) => isOn(member));
  }

  /** Those that get posts at once, or (`digest`) together once a day. */
  async readers(list: List, digest: boolean): Promise<readonly Address[]> {
    const all = await this.all(list);
    return all
      .filter(([, member]) => member.suspended === undefined && (member.digest === true) === digest)
      .map(([address]) => address);
  }
}

const shardOf = (key: string): number => (createHash('sha256').update(key).digest()[0] ?? 0) % SHARDS;
const shardKey = ({ address }: List, shard: number): string => `members:${address}:${shard}`;
