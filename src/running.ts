/**
 * What the main thread is running now, in memory that the watchdog thread can read: while the event loop is blocked,
 * the main thread itself cannot report it. Without a watchdog (the lab, a test) it is not read.
 *
 * For plugins, the synchronous part of a call is recorded, and the last call that has not been answered: what a plugin
 * does after an await cannot be distinguished from other work.
 */

const LONGEST = 200;
/** A note is one octet of length, then UTF-8 text. */
const NOTE = 1 + LONGEST;
const NOTES_AT = 2 * Int32Array.BYTES_PER_ELEMENT;
const memory = new SharedArrayBuffer(NOTES_AT + 2 * NOTE);
/** Counters: our own long tasks in progress, and plugin answers being awaited. */
const LONG_WORK = 0;
const AWAITED = 1;
const counts = new Int32Array(memory, 0, 2);
/** The call running now: there is only one main thread. */
const note = new Uint8Array(memory, NOTES_AT, NOTE);
/** The call whose answer is awaited, the last one started. */
const awaited = new Uint8Array(memory, NOTES_AT + NOTE, NOTE);
const encoder = new TextEncoder();

/** To pass to the other thread. */
export const runningMemory = (): SharedArrayBuffer => memory;

/** `plugin greylist, hook mail` as octets, built once per listener. */
export function runningMark(plugin: string, what: string): Uint8Array {
  return encoder.encode(`plugin ${plugin}, ${what}`).subarray(0, LONGEST);
}

/** Runs a plugin's call with its mark set; calls may be nested. */
export function whileRunning<T>(mark: Uint8Array, call: () => T): T {
  const outer = note[0] === 0 ? null : note.slice(0, 1 + (note[0] ?? 0));
  write(note, mark);
  try {
    return call();
  } finally {
    if (outer === null) note[0] = 0;
    else note.set(outer);
  }
}

/** Records that an answer is awaited; call the returned function when it has arrived. */
export function noteAwaited(mark: Uint8Array): () => void {
  counts[AWAITED] = (counts[AWAITED] ?? 0) + 1;
  write(awaited, mark);
  return () => {
    counts[AWAITED] = (counts[AWAITED] ?? 0) - 1;
  };
}

function write(to: Uint8Array, mark: Uint8Array): void {
  to.set(mark, 1);
  to[0] = mark.length;
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
  const [longWork = 0, pending = 0] = new Int32Array(shared, 0, 2);
  return {
    plugin: readNote(shared, NOTES_AT),
    awaited: pending > 0 ? readNote(shared, NOTES_AT + NOTE) : null,
    longWork: longWork > 0,
  };
}

function readNote(shared: SharedArrayBuffer, at: number): string | null {
  const [length = 0, ...text] = new Uint8Array(shared, at, NOTE);
  return length === 0 ? null : Buffer.from(text.slice(0, length)).toString('utf8');
}
