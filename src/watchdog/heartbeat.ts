/**
 * The main thread's heartbeat, in memory shared with the watchdog's thread.
 */

/** Interval of the heartbeat, ms. */
export const BEAT_MS = 1_000;

/** Indexes of the numbers. */
export const BEATS = 0;
/** Not 0 while a debugger may have stopped the main thread. */
export const DEBUGGER = 1;
/** Not 0 once the server was asked to stop: it must not be restarted. */
export const STOPPING = 2;

export const heartbeat = new Int32Array(new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT));
