/**
 * Long work in steps: a generator that yields between pieces of a few milliseconds and returns its result.
 * Run whole at start, or with pauses in which the event loop serves others.
 */
import { setImmediate } from 'node:timers/promises';

export type Steps<T> = Generator<undefined, T>;

/** All steps at once. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** One step a turn of the event loop. */
export async function walkSteps<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
