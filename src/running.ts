/**
 * What the main thread is running at this moment, in memory that the watchdog's thread can read: where the event loop
 * stands still, the main thread itself can no longer say it. Without a watchdog (the lab, a test) nobody looks at it.
 *
 * Of a plugin only the synchronous part of a call is noted; what it does after an await shows in the stack.
 */

const LONGEST = 200;
const memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT + 1 + LONGEST);
/** How many pieces of our own long work are under way. */
const longWork = new Int32Array(memory, 0, 1);
/** One octet of length, then the text in UTF-8. One main thread, one note. */
const note = new Uint8Array(memory, Int32Array.BYTES_PER_ELEMENT);
const encoder = new TextEncoder();

/** To hand to the other thread. */
export const runningMemory = (): SharedArrayBuffer => memory;

/** `plugin greylist, hook mail` as octets, made once for each listener. */
export function runningMark(plugin: string, what: string): Uint8Array {
  return encoder.encode(`plugin ${plugin}, ${what}`).subarray(0, LONGEST);
}

/** Runs a plugin's call with its mark in place; calls may be nested. */
export function whileRunning<T>(mark: Uint8Array, call: () => T): T {
  const outer = note[0] === 0 ? null : note.slice(0, 1 + (note[0] ?? 0));
  note.set(mark, 1);
  note[0] = mark.length;
  try {
    return call();
  } finally {
    if (outer === null) note[0] = 0;
    else note.set(outer);
  }
}

/** Runs work of our own that may hold the event loop longer than a plugin may: a large zone, a reload. */
export function withLongWork<T>(work: () => T): T {
  Atomics.add(longWork, 0, 1);
  const end = (): void => void Atomics.sub(longWork, 0, 1);
  let result: T;
  try {
    result = work();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) result.then(end, end);
  else end();
  return result;
}

export interface Running {
  /** `plugin greylist, hook mail`, or null where no plugin is being run. */
  readonly plugin: string | null;
  readonly longWork: boolean;
}

/** For the other thread. */
export function readRunning(shared: SharedArrayBuffer): Running {
  const octets = new Uint8Array(shared, Int32Array.BYTES_PER_ELEMENT);
  const length = octets[0] ?? 0;
  return {
    plugin: length === 0 ? null : Buffer.from(octets.slice(1, 1 + length)).toString('utf8'),
    longWork: Atomics.load(new Int32Array(shared, 0, 1), 0) > 0,
  };
}
