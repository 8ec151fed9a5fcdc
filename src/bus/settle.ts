/**
 * Waits for what a plugin returned. A thenable may throw from its `then`, call back twice or never: the language's own
 * promise resolution handles the first two, and the deadline the last.
 */

/** The result of `within` after a timeout. */
export const LATE: unique symbol = Symbol('late');

/** Reads `then` once; a getter of the value may throw. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { readonly then?: unknown }).then === 'function';
}

/** The value that the thenable resolves to, or LATE after `deadline` ms. Later results and rejections are ignored. */
export function within(thenable: PromiseLike<unknown>, deadline: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(LATE), deadline);
    // Not Promise.resolve(): it reads the `constructor` of a promise, which may throw synchronously.
    new Promise((settle) => settle(thenable)).then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
