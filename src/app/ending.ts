/** The end of a server and of its process. Nothing that hangs may keep it alive: what was acknowledged is durable. */
import { expectStop } from '../watchdog/watchdog.ts';
import type { RunningServer } from './running-server.ts';

/** How long a stop waits for sessions and deliveries, ms; the process ends within 10 s in any case. */
export const GRACE_MS = 8_000;
/** For what is closed after them. */
const CLOSING_MS = 1_500;

/**
 * Finishes sessions and deliveries, then ends the process: code 0, or 1 if the store had stopped or something could not
 * be closed in time.
 */
export function endServer(server: RunningServer): void {
  expectStop();
  setTimeout(() => leave(1), GRACE_MS + CLOSING_MS).unref();
  server.close(GRACE_MS).then(
    () => leave(server.hasFailed ? 1 : 0),
    (error: unknown) => {
      console.error(error);
      leave(1);
    },
  );
}

/**
 * Ends the process. Everything was closed in order by now, or will not be. Skips exit handlers of libraries (pino's
 * would try for ever to write its last lines to a full disk).
 */
export function leave(code: number): void {
  process.removeAllListeners('exit');
  process.exit(code);
}
