/**
 * The main thread's sign of life, in memory that the watchdog's thread reads.
 */

/** How often the main thread says that it lives, ms. */
export const BEAT_MS = 1_000;

/** Where each number is. */
export const BEATS = 0;
/** Not 0 while a debugger may have stopped the main thread. */
export const DEBUGGER = 1;
/** Not 0 once the server was asked to stop: it is not to come back. */
export const STOPPING = 2;

export const heartbeat = new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
