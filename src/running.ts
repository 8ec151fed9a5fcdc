/**
 * What the main thread is running now, in memory that the watchdog thread can read: while the event loop is blocked,
 * the main thread itself cannot report it. Without a watchdog (the lab, a test) it is not read.
 *
 * For plugins, the synchronous part of a call is recorded, and the last call that has not been answered: what a plugin
 * does after an await cannot be distinguished from other work.
 */

const LONGEST = 200;
/** A text is one octet of length, then UTF-8. */
const TEXT = 1 + LONGEST;
/** Different texts of one process; those of a reload are the same again. */
const MOST_TEXTS = 4_000;
const TEXTS_AT = 4 * Int32Array.BYTES_PER_ELEMENT;
const memory = new SharedArrayBuffer(TEXTS_AT + MOST_TEXTS * TEXT);
/** Our own long tasks in progress. */
const LONG_WORK = 0;
/** Plugin answers being awaited. */
const AWAITED = 1;
/** The mark of the call running now: there is only one main thread. */
const RUNNING = 2;
/** The mark of the call whose answer is awaited, the last one started. */
const LAST_AWAITED = 3;
const counts = new Int32Array(memory, 0, 4);
const encoder = new TextEncoder();

/** The number of a text in the memory; 0 is none. */
export type RunningMark = number;
const marks = new Map<string, RunningMark>();

/** To pass to the other thread. */
export const runningMemory = (): SharedArrayBuffer => memory;

/** For `plugin greylist, hook mail`. */
export function runningMark(plugin: string, what: string): RunningMark {
  const text = `plugin ${plugin}, ${what}`;
  const known = marks.get(text);
  if (known !== undefined) return known;
  const isFull = marks.size >= MOST_TEXTS - 1;
  const mark = isFull ? MOST_TEXTS : marks.size + 1;
  const octets = encoder.encode(isFull ? 'one of many plugins' : text).subarray(0, LONGEST);
  const place = new Uint8Array(memory, TEXTS_AT + (mark - 1) * TEXT, TEXT);
  place.set(octets, 1);
  place[0] = octets.length;
  if (!isFull) marks.set(text, mark);
  return mark;
}

/** From now on a plugin's call runs. Returns what `leave` needs: calls may be nested. */
export function enter(mark: RunningMark): RunningMark {
  const outer = counts[RUNNING] ?? 0;
  counts[RUNNING] = mark;
  return outer;
}

export function leave(outer: RunningMark): void {
  counts[RUNNING] = outer;
}

/** Runs a plugin's call with its mark set. */
export function whileRunning<T>(mark: RunningMark, call: () => T): T {
  const outer = enter(mark);
  try {
    return call();
  } finally {
    leave(outer);
  }
}

/** Records that an answer is awaited; call the returned function when it has arrived. */
export function noteAwaited(mark: RunningMark): () => void {
  counts[AWAITED] = (counts[AWAITED] ?? 0) + 1;
  counts[LAST_AWAITED] = mark;
  return () => {
    counts[AWAITED] = (counts[AWAITED] ?? 0) - 1;
  };
}

/** Runs our own work that may block the event loop longer than a plugin may: a large zone, a reload. */
export function withLongWork<T>(work: () => T): T {
  Atomics.add(counts, LONG_WORK, 1);
  const end = (): void => void Atomics.sub(counts, LONG_WORK, 1);
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
  /** `plugin greylist, hook mail`, or null if no plugin is running. */
  readonly plugin: string | null;
  /** The same for the plugin call that was started last and has not been answered. */
  readonly awaited: string | null;
  readonly longWork: boolean;
}

/** For the other thread. */
export function readRunning(shared: SharedArrayBuffer): Running {
  const [longWork = 0, pending = 0, running = 0, last = 0] = new Int32Array(shared, 0, 4);
  return {
    plugin: textOf(shared, running),
    awaited: pending > 0 ? textOf(shared, last) : null,
    longWork: longWork > 0,
  };
}

function textOf(shared: SharedArrayBuffer, mark: RunningMark): string | null {
  if (mark === 0) return null;
  const [length = 0, ...text] = new Uint8Array(shared, TEXTS_AT + (mark - 1) * TEXT, TEXT);
  return Buffer.from(text.slice(0, length)).toString('utf8');
}
