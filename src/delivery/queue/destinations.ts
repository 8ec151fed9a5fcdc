/**
 * Limits concurrent deliveries per destination (requirement P15; Postfix: SCHEDULER_README).
 *
 * A destination's window starts at initial_destination_concurrency, grows by one with each delivery that succeeds while
 * the window is full, up to its limit, and shrinks by one when the host fails; at zero it is dead for a while, and its
 * mail is deferred without an attempt. The number of remembered destinations is bounded.
 */
import type { Reply } from '../../mail/status.ts';

export interface DestinationLimits {
  readonly initial: number;
  readonly limit: number;
  /** How long a dead destination is not tried, ms. */
  readonly deadFor: number;
}

interface Destination {
  readonly limits: DestinationLimits;
  window: number;
  running: number;
  deadUntil: number;
  reason: Reply | null;
}

/** Beyond this many destinations, the least recently used is forgotten. */
const REMEMBERED = 10_000;

export class Destinations {
  readonly #limits: (transport: string) => DestinationLimits;
  readonly #known = new Map<string, Destination>();

  constructor(limits: (transport: string) => DestinationLimits) {
    this.#limits = limits;
  }

  /** Takes one slot in the window; false if it is full. */
  begin(name: string, transport: string): boolean {
    const destination = this.#touch(name, transport);
    if (destination.running >= Math.max(1, Math.floor(destination.window))) return false;
    destination.running += 1;
    return true;
  }

  /** Releases the slot. `failure`: the host as a whole failed. */
  end(name: string, transport: string, failure: Reply | null, now: number): void {
    const destination = this.#touch(name, transport);
    const { initial, limit, deadFor } = destination.limits;
    const full = destination.running >= Math.floor(destination.window);
    destination.running = Math.max(0, destination.running - 1);
    if (failure === null) {
      destination.deadUntil = 0;
      destination.reason = null;
      if (full) destination.window = Math.min(limit, destination.window + 1);
      return;
    }
    destination.window -= 1;
    if (destination.window >= 1) return;
    destination.window = initial;
    destination.deadUntil = now + deadFor;
    destination.reason = failure;
  }

  /** Why nothing should be tried there now, or null. */
  dead(name: string, now: number): Reply | null {
    const destination = this.#known.get(name);
    return destination !== undefined && now < destination.deadUntil ? destination.reason : null;
  }

  /** Forgets which destinations are dead: an operator asked for a retry. */
  revive(): void {
    for (const destination of this.#known.values()) destination.deadUntil = 0;
  }

  window(name: string): number {
    return this.#known.get(name)?.window ?? 0;
  }

  #touch(name: string, transport: string): Destination {
    let destination = this.#known.get(name);
    if (destination === undefined) {
      const limits = this.#limits(transport);
      destination = { limits, window: Math.min(limits.initial, limits.limit), running: 0, deadUntil: 0, reason: null };
      if (this.#known.size >= REMEMBERED) this.#forget();
    } else {
      this.#known.delete(name);
    }
    this.#known.set(name, destination);
    return destination;
  }

  #forget(): void {
    for (const [name, destination] of this.#known) {
      if (destination.running > 0) continue;
      this.#known.delete(name);
      return;
    }
  }
}
