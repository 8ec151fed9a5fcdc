/** For messages that plugins may look at only. */
import type { MessageChange } from './hook.ts';

/** Every change throws an Error that says why. */
export function unchangeable(why: string): MessageChange {
  const refuse = (): never => {
    throw new Error(why);
  };
  return {
    addHeader: refuse,
    replaceHeader: refuse,
    removeHeader: refuse,
    renameHeader: refuse,
    replaceBody: async () => refuse(),
    changed: { fields: [], body: false },
  };
}
