/**
 * What a plugin in the server's process leaves behind: its listeners on `process` outlive it, and each reload adds more. Those
 * that it adds while it registers are known, and told if they are still there after its close. In a worker they end
 * with its process.
 */

type Listener = (...args: unknown[]) => void;
type Known = ReadonlyMap<string | symbol, readonly Listener[]>;

const listenersNow = (): Known =>
  new Map(process.eventNames().map((name) => [name, process.rawListeners(name as 'exit') as Listener[]]));

/** Call it before the plugin registers; the result after that, and what that returns after its close: the events, if any. */
export function watchListeners(): () => () => readonly string[] {
  const before = listenersNow();
  return () => {
    const added = [...listenersNow()].flatMap(([name, all]) =>
      all.filter((one) => before.get(name)?.includes(one) !== true).map((one) => ({ name, one })),
    );
    return () => {
      const left = listenersNow();
      const names = added
        .filter(({ name, one }) => left.get(name)?.includes(one) === true)
        .map(({ name }) => String(name));
      return [...new Set(names)];
    };
  };
}
