/**
 * Which of several processes runs a job: an entry in the store with the last turn, and until when its process is
 * believed to run it. A process that dies is believed for LEASE at the most.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { PluginStates, StateKey } from '../../store/plugin-states.ts';
import type { Turns } from './jobs.ts';

/** Of which three are missed before another process may begin, ms. */
const LEASE = 60_000;

interface Entry {
  readonly turn: number;
  /** ms since 1970 UTC; 0: it has ended. */
  readonly until: number;
  readonly by: string;
}

export class StoreTurns implements Turns {
  readonly #states: PluginStates;
  readonly #key: StateKey;
  readonly #clock: Clock;
  #held: string | null = null;

  constructor(states: PluginStates, clock: Clock, { plugin, job }: { readonly plugin: string; readonly job: string }) {
    this.#states = states;
    this.#clock = clock;
    // A room that is no plugin's: what it keeps cannot be changed by server.state.
    this.#key = { plugin: `jobs:${plugin}`, key: job };
  }

  async claim(turn: number): Promise<boolean> {
    const now = this.#clock();
    const before = await this.#states.get(this.#key, now);
    const last = before === null ? null : (JSON.parse(before) as Entry);
    if (last !== null && (last.turn >= turn || last.until > now)) return false;
    return this.#put(before, { turn, until: now + LEASE, by: randomUUID() });
  }

  async keep(): Promise<boolean> {
    if (this.#held === null) return false;
    return this.#put(this.#held, { ...(JSON.parse(this.#held) as Entry), until: this.#clock() + LEASE });
  }

  async release(): Promise<void> {
    if (this.#held !== null) await this.#put(this.#held, { ...(JSON.parse(this.#held) as Entry), until: 0 });
    this.#held = null;
  }

  /** False if the entry was another one. */
  async #put(before: string | null, entry: Entry): Promise<boolean> {
    const value = JSON.stringify(entry);
    const isPut = await this.#states.put(this.#key, { before, value, expiresAt: null }, this.#clock());
    if (isPut) this.#held = value;
    return isPut;
  }
}
