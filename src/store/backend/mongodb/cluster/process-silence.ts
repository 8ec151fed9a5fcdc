/**
 * Which processes live, by what one observer has seen of their heartbeats. Pure: times are arguments.
 *
 * No clocks are compared: a process is dead when its heartbeat has stood still for DEAD_AFTER of the observer's time.
 * Of a long time between two looks only the beginning counts: while the observer was suspended, or had no database, it
 * cannot know whether the others were silent.
 */

/** @internal */
export const DEAD_AFTER = 10_000;
/** What a look adds to a silence at the most, ms. */
const LATE = 3_000;

export interface Beating {
  readonly _id: string;
  readonly beat: number;
}

interface Seen {
  beat: number;
  silentFor: number;
}

export class ProcessSilence {
  #seen = new Map<string, Seen>();
  #last = Number.NEGATIVE_INFINITY;

  /**
   * A look at all processes, at a monotonic time in ms. Returns those that are gone since the one before: dead by now,
   * or no longer among them.
   */
  look(now: number, processes: readonly Beating[]): readonly string[] {
    const passed = now - this.#last;
    this.#last = now;
    const before = this.#seen;
    this.#seen = new Map(processes.map((process) => [process._id, next(process, before.get(process._id), passed)]));
    return [...before].filter(([id, { silentFor }]) => silentFor < DEAD_AFTER && !this.isAlive(id)).map(([id]) => id);
  }

  /** One that was seen for the first time lives until it was silent for long enough. */
  isAlive(id: string): boolean {
    return this.silentFor(id) < DEAD_AFTER;
  }

  /** The heartbeat that was seen last; undefined for one that is not known. */
  beatOf(id: string): number | undefined {
    return this.#seen.get(id)?.beat;
  }

  /** Infinite for one that is not known. */
  silentFor(id: string): number {
    return this.#seen.get(id)?.silentFor ?? Number.POSITIVE_INFINITY;
  }
}

function next({ beat }: Beating, before: Seen | undefined, passed: number): Seen {
  if (before === undefined || before.beat !== beat) return { beat, silentFor: 0 };
  return { beat, silentFor: before.silentFor + Math.min(passed, LATE) };
}
