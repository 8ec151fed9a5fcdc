/**
 * How a process with a stuck event loop is ended: by restarting the program in place, or with an exit code for a
 * supervisor. Pure.
 *
 * In place means execve(2): the same process, terminal, standard output and parent, so that a user at a terminal,
 * `docker stop` or a recorded pid sees no difference, and no supervising process costs memory. Sockets, locks and
 * threads end with the old program, as in a crash: what was acknowledged is durable.
 */

/** EX_SOFTWARE of sysexits.h: the event loop was stuck, restart the program. Used for nothing else. */
export const STALLED = 70;

/** The times of earlier restarts, ms since 1970, passed to the restarted program. */
export const RESTARTS = 'POSTHORN_RESTARTS';

/**
 * More restarts than this within the window mean a permanent problem, and a supervisor's back-off handles it better.
 */
const MOST_RESTARTS = 5;
const WINDOW_MS = 10 * 60_000;

export type Ending =
  | { readonly kind: 'restart'; readonly restarts: string; readonly words: string }
  | { readonly kind: 'exit'; readonly words: string };

export interface Circumstances {
  /** `off` starts no watchdog; `exit` never restarts in place. */
  readonly mode: 'restart' | 'exit';
  /** The server was asked to stop. */
  readonly stopping: boolean;
  /** It was started as root and has dropped it: it could not bind ports or read keys again. */
  readonly gaveUpRoot: boolean;
  /** The value of RESTARTS. */
  readonly restarts: string;
  readonly now: number;
}

export function decideEnding({ mode, stopping, gaveUpRoot, restarts, now }: Circumstances): Ending {
  const exit = (why: string): Ending => ({ kind: 'exit', words: `ending with exit code ${STALLED}${why}` });
  if (mode === 'exit') return exit('');
  if (stopping) return exit(', because it was asked to stop');
  if (gaveUpRoot) return exit(', for a supervisor: the steps done as root at the start cannot be repeated');
  const recent = restarts
    .split(',')
    .map(Number)
    .filter((at) => at > now - WINDOW_MS && at <= now);
  if (recent.length >= MOST_RESTARTS)
    return exit(`: restarted ${recent.length} times within ${WINDOW_MS / 60_000} minutes already`);
  return { kind: 'restart', restarts: [...recent, now].join(','), words: 'restarting' };
}
