/**
 * What was learned, in the plugin's state: the room of the whole server, in shards by the words' first bits, and a room
 * for each account. Kept in memory for a while; another process's lessons are seen some seconds later.
 */
import { LRUCache } from 'lru-cache';
import type { Clock, PluginState } from '../../src/bus/plugin.ts';
import { Counts, type Lesson } from './counts.ts';
import type { Knowledge } from './score.ts';

/** The room of the whole server. */
export const HOUSE = 'house';
/** The room of an account. */
export const roomOf = (address: string): string => `of/${address}`;
const HOUSE_SHARDS = 16;
/** At most 160 KB each. */
const MOST_IN_MEMORY = 100;
const LOOKED_FOR_MS = 10_000;
const DAY_MS = 86_400_000;

interface Shard {
  /** The last batch that was learned. */
  readonly batch: string;
  readonly counts: string;
  readonly [name: string]: string;
}

interface Room extends Knowledge {
  readonly stamp: string;
  lookedAt: number;
}

export class Rooms {
  readonly #state: PluginState;
  readonly #clock: Clock;
  readonly #known = new LRUCache<string, Promise<Room>>({ max: MOST_IN_MEMORY });

  constructor(state: PluginState, clock: Clock) {
    this.#state = state;
    this.#clock = clock;
  }

  async open(name: string): Promise<Knowledge> {
    const known = this.#known.get(name);
    const room = known ?? this.#load(name);
    if (known === undefined) this.#keep(name, room);
    const found = await room;
    const now = this.#clock();
    if (now - found.lookedAt < LOOKED_FOR_MS) return found;
    found.lookedAt = now;
    if ((await this.#stampOf(name)) === found.stamp) return found;
    const fresh = this.#load(name);
    this.#keep(name, fresh);
    return fresh;
  }

  /** Durable when it resolves, and learned once, however often it is called with this batch. */
  async learn(name: string, lesson: Lesson, batch: string, signal: AbortSignal): Promise<void> {
    const day = Math.floor(this.#clock() / DAY_MS);
    for (let shard = 0; shard < shardsOf(name); shard += 1) {
      signal.throwIfAborted();
      await this.#state.update<Shard>(shardKey(name, shard), (before) => {
        if (before?.batch === batch) return before;
        const isOurs = (word: number): boolean => shardOf(name, word) === shard;
        return { batch, counts: countsOf(before).with(lesson, day, isOurs).toText() };
      });
    }
    await this.#state.set(`stamp/${name}`, batch);
    this.#known.delete(name);
  }

  async forget(name: string): Promise<void> {
    for (let shard = 0; shard < shardsOf(name); shard += 1) await this.#state.delete(shardKey(name, shard));
    await this.#state.delete(`stamp/${name}`);
    this.#known.delete(name);
  }

  /** An account's room, which is one shard. */
  async rename(before: string, name: string): Promise<void> {
    const shard = await this.#state.get<Shard>(shardKey(before, 0));
    if (shard === undefined) return;
    await this.#state.set(shardKey(name, 0), shard);
    await this.#state.set(`stamp/${name}`, shard.batch);
    await this.forget(before);
  }

  #keep(name: string, room: Promise<Room>): void {
    this.#known.set(name, room);
    room.catch(() => {
      if (this.#known.peek(name) === room) this.#known.delete(name);
    });
  }

  async #load(name: string): Promise<Room> {
    const stamp = await this.#stampOf(name);
    const keys = Array.from({ length: shardsOf(name) }, (_, shard) => shardKey(name, shard));
    const shards = await Promise.all(keys.map(async (key) => countsOf(await this.#state.get<Shard>(key))));
    const [first = Counts.NONE] = shards;
    return {
      stamp,
      lookedAt: this.#clock(),
      spam: first.spam,
      ham: first.ham,
      of: (word) => (shards[shardOf(name, word)] ?? Counts.NONE).of(word),
    };
  }

  async #stampOf(name: string): Promise<string> {
    return (await this.#state.get<string>(`stamp/${name}`)) ?? '';
  }
}

const shardsOf = (name: string): number => (name === HOUSE ? HOUSE_SHARDS : 1);
/** The multiplication makes no fraction: 32 bits by a power of two. */
const shardOf = (name: string, word: number): number => Math.floor((word * shardsOf(name)) / 2 ** 32);
const shardKey = (name: string, shard: number): string => `counts/${name}/${shard}`;
const countsOf = (shard: Shard | undefined): Counts =>
  shard === undefined ? Counts.NONE : Counts.fromText(shard.counts);
