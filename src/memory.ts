/**
 * Returns unused memory, on demand: of a buffer, and all of a thread to the system.
 *
 * V8 keeps the memory of the start or of a traffic peak until there is new work; an idle server has none.
 * Each thread has its own heap and calls giveMemoryBack itself, only when idle, because it blocks the thread: 9 ms with
 * a heap of 12 MB, 40 ms with 43 MB; the first call after an installation also writes the compile cache (150 ms).
 */
import { flushCompileCache } from 'node:module';
import { runInNewContext } from 'node:vm';

type Collect = (options: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

export function giveMemoryBack(): void {
  // Writes the compiled code to disk for the next start, which frees its copy in memory.
  flushCompileCache();
  // bin/runtime.js enables `gc` in V8 once for all threads: flags must not change while threads run.
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  collect?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/**
 * Frees the memory of bytes that nobody will read again, also of all others in the same ArrayBuffer, which are all
 * empty then. A garbage collection would do so much later: by its objects, a thread that only passes large buffers on
 * has little to collect.
 */
export function freeNow({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
