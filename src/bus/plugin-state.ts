/** What a plugin remembers (`server.state`): a room of its own in the store, checked and bounded. */
import type { Clock } from '../clock.ts';
import type { PluginStates, StateChange } from '../store/plugin-states.ts';

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export interface StateOptions {
  /** Seconds from now; without it the entry stays until it is deleted. */
  readonly expires?: number;
}

/**
 * Durable when the promise resolves, and the same for all processes of the store and after a restart. Keys of what
 * strangers can bring about should expire, or they fill the disk.
 */
export interface PluginState {
  /** Undefined: there is none, or it has expired. */
  get<T extends Json = Json>(key: string): Promise<T | undefined>;
  set(key: string, value: Json, options?: StateOptions): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Changes an entry although others may change it at the same time: `change` gets the present value and returns the
   * new one, or undefined to remove it. It is called again where another was faster. Returns the new value.
   */
  update<T extends Json = Json>(
    key: string,
    change: (value: T | undefined) => T | undefined,
    options?: StateOptions,
  ): Promise<T | undefined>;
  /** Keys that begin with a text, in their order; at most 1000. */
  keys(prefix?: string): Promise<readonly string[]>;
}

/** Octets. */
const LONGEST_KEY = 500;
const LONGEST_VALUE = 256 * 1024;
const MOST_KEYS = 1_000;
/** Of `update`: so many others were faster. */
const MOST_TRIES = 100;

export function pluginState(
  plugin: string,
  states: Pick<PluginStates, 'get' | 'put' | 'keys'>,
  clock: Clock,
): PluginState {
  const of = (key: string): { plugin: string; key: string } => ({ plugin, key: checkedKey(key) });
  const changeTo = (value: Json | undefined, options: StateOptions | undefined): StateChange => ({
    value: value === undefined ? null : textOf(value),
    expiresAt: expiryOf(options, clock()),
  });
  return {
    get: async <T extends Json>(key: string) => parsed<T>(await states.get(of(key), clock())),
    async set(key, value, options) {
      await states.put(of(key), { value: textOf(value), expiresAt: expiryOf(options, clock()) }, clock());
    },
    async delete(key) {
      await states.put(of(key), { value: null, expiresAt: null }, clock());
    },
    async update<T extends Json>(key: string, change: (value: T | undefined) => T | undefined, options?: StateOptions) {
      for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
        const before = await states.get(of(key), clock());
        const value = change(parsed<T>(before));
        if (await states.put(of(key), { before, ...changeTo(value, options) }, clock())) return value;
      }
      throw new Error(`state.update(${JSON.stringify(key)}): others changed it ${MOST_TRIES} times in between`);
    },
    keys: (prefix = '') => states.keys({ plugin, prefix: prefix === '' ? '' : checkedKey(prefix) }, MOST_KEYS, clock()),
  };
}

function checkedKey(key: unknown): string {
  if (
    typeof key !== 'string' ||
    key === '' ||
    Buffer.byteLength(key) > LONGEST_KEY ||
    !key.isWellFormed() ||
    key.includes('\0')
  )
    throw new Error(`a key of the state must be a text of 1 to ${LONGEST_KEY} octets without NUL`);
  return key;
}

function textOf(value: Json): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new Error('a value of the state must be what JSON can hold');
  if (Buffer.byteLength(text) > LONGEST_VALUE)
    throw new Error(`a value of the state must be at most ${LONGEST_VALUE} octets of JSON`);
  return text.toWellFormed();
}

const parsed = <T extends Json>(text: string | null): T | undefined =>
  text === null ? undefined : (JSON.parse(text) as T);

function expiryOf(options: StateOptions | undefined, now: number): number | null {
  const expires = options?.expires;
  if (expires === undefined) return null;
  if (!(typeof expires === 'number' && expires > 0 && expires < 1e10))
    throw new Error('"expires" of the state must be a number of seconds above 0');
  return Math.ceil(now + expires * 1000);
}
