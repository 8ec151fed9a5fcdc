/**
 * Long work in steps: a generator that yields every few milliseconds and returns its result.
 * At start it runs without pauses; later the event loop can do other work between the steps.
 */
import { setImmediate } from 'node:timers/promises';

export type Steps<T> = Generator<undefined, T>;

/** Runs all steps at once. */
export function runSteps<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Runs one step per turn of the event loop. */
export async function walkSteps<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
