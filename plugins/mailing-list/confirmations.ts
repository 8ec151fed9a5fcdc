/** What waits until the owner of an address confirms it, by a token that only this address was sent. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { PluginState } from '../../src/bus/plugin.ts';
import { type Address, addressKey } from '../../src/mail/address.ts';
import type { List } from './list.ts';

export type Action = 'subscribe' | 'unsubscribe' | 'resume' | 'digest on' | 'digest off';
type Waiting = { readonly list: string; readonly address: string; readonly action: Action; readonly hash: string };

const DAY = 86_400;

export interface Confirmed {
  readonly address: Address;
  readonly action: Action;
}

export class Confirmations {
  readonly #state: PluginState;
  readonly #expires: number;
  readonly #perDay: number;

  /** `expires` in seconds. */
  constructor(state: PluginState, { expires, perDay }: { readonly expires: number; readonly perDay: number }) {
    this.#state = state;
    this.#expires = expires;
    this.#perDay = perDay;
  }

  /**
   * Whether an address may get one more answer today, whatever the list: each list would be one more way to fill a
   * stranger's mailbox.
   */
  async mayAnswer(address: Address, now: number): Promise<boolean> {
    const key = `asked:${Math.floor(now / (DAY * 1000))}:${hashOf(addressKey(address))}`;
    const count = await this.#state.update<number>(key, (known = 0) => Math.min(known, this.#perDay) + 1, {
      expires: DAY,
    });
    return (count ?? 1) <= this.#perDay;
  }

  /** A new token, durable. */
  async ask(list: List, address: Address, action: Action): Promise<string> {
    const token = randomBytes(20).toString('hex');
    const waiting: Waiting = { list: list.address, address: addressKey(address), action, hash: hashOf(token) };
    await this.#state.set(tokenKey(token), waiting, { expires: this.#expires });
    return token;
  }

  /** Null: there is no such token, it has expired, or it is of another list. */
  async peek(list: List, token: string): Promise<Confirmed | null> {
    const waiting = await this.#state.get<Waiting>(tokenKey(token));
    if (waiting === undefined || waiting.list !== list.address) return null;
    if (!timingSafeEqual(Buffer.from(waiting.hash), Buffer.from(hashOf(token)))) return null;
    return { address: waiting.address, action: waiting.action };
  }

  async forget(token: string): Promise<void> {
    await this.#state.delete(tokenKey(token));
  }
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
/** By a part of the hash: how long a look-up takes says nothing of the token. */
const tokenKey = (token: string): string => `confirm:${hashOf(token).slice(0, 32)}`;
