/**
 * Waiting for what a plugin returned. A thenable may throw from its `then`, call back twice or never: the
 * language's own promise resolution copes with all of it, and the deadline with the rest.
 */

/** What `within` gives where nothing came in time. */
export const LATE: unique symbol = Symbol('late');

/** Reads `then`, once; a getter of the value may throw. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { readonly then?: unknown }).then === 'function';
}

/**
 * The value that the thenable comes to, or LATE after `deadline` ms. What it does later is not heard, its rejection
 * neither.
 */
export function within(thenable: PromiseLike<unknown>, deadline: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(LATE), deadline);
    // Never Promise.resolve(): it reads `constructor` of a promise, which may throw here and now.
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
