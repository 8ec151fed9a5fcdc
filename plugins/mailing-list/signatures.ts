/** Tokens that nobody else can make: of addresses that bounces come back to, and of links to unsubscribe. */
import { createHmac, randomBytes } from 'node:crypto';
import type { PluginState } from '../../src/bus/plugin.ts';
import { equalOctets } from '../../src/lookup/equal-octets.ts';
import { type Address, addressKey } from '../../src/mail/address.ts';
import type { List } from './list.ts';

const DAY_MS = 86_400_000;
/** Bounces come back within this time. */
const BOUNCE_DAYS = 14;

export class Signatures {
  readonly #state: PluginState;
  #secret: Promise<string> | null = null;

  constructor(state: PluginState) {
    this.#state = state;
  }

  /** Of a member's link; it holds for as long as the member is on the list. */
  unsubscribe(list: List, member: Address): Promise<string> {
    return this.#sign(`unsubscribe\n${list.address}\n${addressKey(member)}`);
  }

  async isUnsubscribe(list: List, member: Address, given: string): Promise<boolean> {
    return isSame(given, await this.unsubscribe(list, member));
  }

  /** For the reverse-path of what is sent today. */
  bounce(list: List, now: number): Promise<string> {
    return this.#bounce(list, Math.floor(now / DAY_MS));
  }

  async isBounce(list: List, given: string, now: number): Promise<boolean> {
    const day = Number.parseInt(given.slice(0, given.length - 24), 36);
    const age = Math.floor(now / DAY_MS) - day;
    return age >= 0 && age <= BOUNCE_DAYS && isSame(given, await this.#bounce(list, day));
  }

  async #bounce(list: List, day: number): Promise<string> {
    return `${day.toString(36)}${(await this.#sign(`bounce\n${list.address}\n${day}`)).slice(0, 24)}`;
  }

  async #sign(text: string): Promise<string> {
    this.#secret ??= this.#read();
    return createHmac('sha256', await this.#secret)
      .update(text)
      .digest('hex')
      .slice(0, 40);
  }

  /** The first process that needs it makes it. */
  async #read(): Promise<string> {
    try {
      const fresh = randomBytes(32).toString('hex');
      return (await this.#state.update<string>('secret', (known) => known ?? fresh)) ?? fresh;
    } catch (error) {
      this.#secret = null;
      throw error;
    }
  }
}

const isSame = (given: string, right: string): boolean => equalOctets(Buffer.from(given), Buffer.from(right));
