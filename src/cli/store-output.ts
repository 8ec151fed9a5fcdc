/** What the commands on stores print alike. */
import type { Log } from '../log.ts';

/** Only what an operator must see while a command works. */
export const storeLog: Log = {
  debug() {},
  info() {},
  warn: (_fields, message) => console.error(`warning: ${message}`),
  error: (_fields, message) => console.error(`error: ${message}`),
  child: () => storeLog,
};

/** `count` problems, of which the first are given; nothing for none. */
export function listing(
  count: number,
  what: string,
  first: readonly { readonly place: string; readonly problem: string }[],
): string[] {
  if (count === 0) return [];
  const more = count > first.length ? [`… and ${count - first.length} more`] : [];
  return ['', `${count} ${what}:`, ...first.map(({ place, problem }) => `  ${place}: ${problem}`), ...more];
}
