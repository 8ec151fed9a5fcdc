/**
 * What the main thread is running for a plugin at this moment, in memory that another thread can read: where the
 * event loop stands still, the main thread itself can no longer say it.
 *
 * Only the synchronous part of a call is noted; what a plugin does after an await shows in the stack.
 */

const LONGEST = 200;
/** One octet of length, then the text in UTF-8. One main thread, one note. */
const note = new Uint8Array(new SharedArrayBuffer(1 + LONGEST));
const encoder = new TextEncoder();

/** The memory to hand to the other thread. */
export const runningNote = (): SharedArrayBuffer => note.buffer;

/** `plugin greylist, hook mail` as octets, made once for each listener. */
export function runningMark(plugin: string, what: string): Uint8Array {
  return encoder.encode(`plugin ${plugin}, ${what}`).subarray(0, LONGEST);
}

/** Runs the call with its mark in place; calls may be nested. */
export function whileRunning<T>(mark: Uint8Array, call: () => T): T {
  const outer = note[0] === 0 ? null : note.slice(0, 1 + (note[0] ?? 0));
  write(mark);
  try {
    return call();
  } finally {
    if (outer === null) note[0] = 0;
    else note.set(outer);
  }
}

function write(mark: Uint8Array): void {
  note.set(mark, 1);
  note[0] = mark.length;
}

/** For the other thread: the note as text, null where no plugin is being run. */
export function readRunning(memory: SharedArrayBuffer): string | null {
  const octets = new Uint8Array(memory);
  const length = octets[0] ?? 0;
  return length === 0 ? null : Buffer.from(octets.slice(1, 1 + length)).toString('utf8');
}
