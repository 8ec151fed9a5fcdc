/** Stops everything that was started, however the run ends: also by Ctrl-C, because Postfix is not a child process. */
import { setTimeout as delay } from 'node:timers/promises';

/** Register how to stop a thing, as soon as it exists. */
type Close = (stop: () => unknown) => void;

/** After a signal: how long to wait for something that is just being started, to stop it too, in ms. */
const PATIENCE = 10_000;

/**
 * Runs the act, then stops everything registered, the newest first. `ended`: by a signal; later failures are ignored.
 */
export async function closing(act: (close: Close, ended: AbortSignal) => Promise<void>): Promise<void> {
  const end = new AbortController();
  const stops: (() => unknown)[] = [];
  const stopAll = async (): Promise<void> => {
    for (let stop = stops.pop(); stop !== undefined; stop = stops.pop())
      try {
        await stop();
      } catch (error) {
        console.error(error);
      }
  };
  const acting = act((stop) => stops.push(stop), end.signal);
  const interrupt = async (signal: string): Promise<void> => {
    console.error(`${signal}: stopping what was started`);
    end.abort();
    await stopAll();
    await Promise.race([acting.catch(() => undefined), delay(PATIENCE)]);
    await stopAll();
    process.exit(1);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void interrupt(signal));
  try {
    await acting;
  } catch (error) {
    if (!end.signal.aborted) throw error;
  } finally {
    await stopAll();
  }
}
