// How a server keeps memory: what the C library and V8 read only as a process begins. Plain JavaScript.

/**
 * glibc (others ignore it): two arenas instead of up to eight for each processor, because each keeps what is free in it
 * after a load; free memory at the end of one goes back from 1 MiB on, and a buffer of 256 KiB is a mapping of its own.
 * Without the last two, glibc raises both limits up to 64 and 32 MiB. Lower ones cost processor time.
 */
const VARIABLES = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '1048576', MALLOC_MMAP_THRESHOLD_: '262144' };

/** MiB for one of the two halves in which the main thread makes new objects: V8 takes up to 64 of each under load. */
const OPTION = '--max-semi-space-size';
const MEGABYTES = 16;

/**
 * Begins this process anew (execve: the same process ID, no second process; 20 ms) with these settings. What the
 * operator has set stays. Returns where nothing is missing, where a debugger is to be attached, and on systems without
 * execve.
 */
export function beginWithMemorySettings() {
  if (process.platform === 'win32' || typeof process.execve !== 'function') return;
  const options = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].map((option) =>
    option.replaceAll('_', '-'),
  );
  if (options.some((option) => option.startsWith('--inspect'))) return;
  const own = options.some((option) => option.startsWith(OPTION)) ? [] : [`${OPTION}=${MEGABYTES}`];
  if (own.length === 0 && Object.keys(VARIABLES).every((name) => name in process.env)) return;
  process.execve(process.execPath, [process.execPath, ...own, ...process.execArgv, ...process.argv.slice(1)], {
    ...VARIABLES,
    ...process.env,
  });
}
