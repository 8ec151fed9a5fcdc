/** A copy that is interrupted. */
import type { PluginStates } from '../../src/store/plugin-states.ts';
import type { Store } from '../../src/store/store.ts';
import type { Transfer } from '../../src/store/transfer.ts';

/** Fails after some writes, as a process that is killed. */
export function failing(store: Store, writes: number): Store {
  let left = writes;
  const names: readonly (keyof Transfer)[] = [
    'putAccount',
    'putMailbox',
    'putContent',
    'putMessages',
    'removeMessages',
    'putExpunged',
    'removeExpunged',
    'putItems',
  ];
  const transfer = { ...store.transfer };
  for (const name of names)
    Object.assign(transfer, {
      [name]: (...args: never[]) => {
        left -= 1;
        if (left < 0) return Promise.reject(new Error('interrupted'));
        return (store.transfer[name] as (...args: never[]) => Promise<unknown>)(...args);
      },
    });
  const pluginStates = {
    ...store.pluginStates,
    put: (...args: Parameters<PluginStates['put']>) => {
      // There are many, and each is small.
      left -= 0.1;
      return left < 0 ? Promise.reject(new Error('interrupted')) : store.pluginStates.put(...args);
    },
  };
  return { ...store, transfer, pluginStates };
}
