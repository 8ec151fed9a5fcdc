/** What was started is stopped in the end, whatever the end is: also by Ctrl-C, for Postfix is nobody's child. */

/** Called with how a thing is stopped, as soon as it is there. */
export type Close = (stop: () => unknown) => void;

/** Runs the act, then stops what it named, the newest first. `ended`: by a signal; what fails then is no news. */
export async function closing(act: (close: Close, ended: AbortSignal) => Promise<void>): Promise<void> {
  const end = new AbortController();
  const stops: (() => unknown)[] = [];
  let closed: Promise<void> | null = null;
  const stopAll = (): Promise<void> => {
    closed ??= (async () => {
      for (const stop of stops.reverse())
        try {
          await stop();
        } catch (error) {
          console.error(error);
        }
    })();
    return closed;
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      console.error(`${signal}: stopping what was started`);
      end.abort();
      void stopAll().then(() => process.exit(1));
    });
  try {
    await act((stop) => stops.push(stop), end.signal);
  } catch (error) {
    if (!end.signal.aborted) throw error;
  } finally {
    await stopAll();
  }
}
