/** Takes a store away and brings it back: meanwhile it answers as one whose database cannot be reached. */
import { type Store, StoreUnavailableError } from '../../src/store/store.ts';

/** What needs no database. */
const LOCAL: ReadonlySet<string> = new Set(['constructor', 'watch', 'close']);

type Method = (...args: never[]) => unknown;

/** Changes the store itself. `away` may be set at any time, and is looked at when an operation begins. */
export function removable(store: Store): { away: boolean } {
  const state = { away: false };
  const wrap = (part: object): void => {
    for (const name of namesOf(part)) {
      const method: unknown = Reflect.get(part, name);
      if (typeof method !== 'function' || LOCAL.has(name)) continue;
      Reflect.set(part, name, (...args: never[]) => {
        if (name === 'spool') {
          const spool = (method as Method).apply(part, args) as object;
          wrap(spool);
          return spool;
        }
        return state.away && name !== 'discard' ? refused() : (method as Method).apply(part, args);
      });
    }
  };
  for (const part of [store, store.content, store.mailboxes, store.directory, store.queue]) wrap(part);
  return state;
}

function namesOf(part: object): string[] {
  const prototype: unknown = Object.getPrototypeOf(part);
  const inherited = typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype;
  return [...Object.keys(part), ...(inherited ? Object.getOwnPropertyNames(prototype) : [])];
}

/** As a promise and as a listing. */
function refused(): Promise<never> & AsyncIterable<never> {
  const error = new StoreUnavailableError('the database cannot be reached: a test has taken it away');
  const rejected = Promise.reject(error);
  rejected.catch(() => {});
  return Object.assign(rejected, { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) });
}
