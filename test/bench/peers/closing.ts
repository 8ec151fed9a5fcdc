/** What was started is stopped in the end, whatever the end is: also by Ctrl-C, for Postfix is nobody's child. */
import { setTimeout as delay } from 'node:timers/promises';

/** Called with how a thing is stopped, as soon as it is there. */
type Close = (stop: () => unknown) => void;

/** After a signal: what is being started just then is awaited so long, to be stopped too, ms. */
const PATIENCE = 10_000;

/** Runs the act, then stops what it named, the newest first. `ended`: by a signal; what fails then is no news. */
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
