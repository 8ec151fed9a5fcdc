/** Whether a value can be sent to another thread. */

/** Functions, sockets, promises are not. */
export function isCloneable(value: unknown): boolean {
  if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return true;
  if (value === null) return true;
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
