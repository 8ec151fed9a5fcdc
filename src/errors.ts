/**
 * Messages of thrown values. Third-party code may throw anything: an error whose message is an object, a getter
 * that throws, a revoked Proxy. Nothing here throws, and the length of the result is limited.
 */

/** Enough for all errors of a configuration, one per line. */
const LONGEST_MESSAGE = 65_536;
const LONGEST_STACK = 4_000;

/** The error's message, or a description of the value if its message is not a string. */
export function messageOf(error: unknown): string {
  if (typeof error === 'string') return error.slice(0, LONGEST_MESSAGE);
  if ((typeof error !== 'object' && typeof error !== 'function') || error === null)
    return `a value of type ${error === null ? 'null' : typeof error}`;
  const message = read(error, 'message');
  if (typeof message === 'string') return message.slice(0, LONGEST_MESSAGE);
  return message === undefined
    ? `a value of type ${typeof error}`
    : `an error whose message is of type ${typeof message}`;
}

/** The message up to its first line break, at most 300 characters: for a log line. */
export function firstLineOf(error: unknown): string {
  return messageOf(error).split('\n', 1).join('').slice(0, 300);
}

/** The stack if there is one, otherwise the message. */
export function stackOf(error: unknown): string {
  const stack = typeof error === 'object' && error !== null ? read(error, 'stack') : undefined;
  return typeof stack === 'string' && stack !== '' ? stack.slice(0, LONGEST_STACK) : messageOf(error);
}

/** Null if reading it throws. */
function read(value: object, key: 'message' | 'stack'): unknown {
  try {
    return (value as { readonly message?: unknown; readonly stack?: unknown })[key];
  } catch {
    return null;
  }
}

/** Never throws, which `instanceof` may do on what a plugin threw. */
export function isInstance<T extends Error>(error: unknown, kind: new (...args: never[]) => T): error is T {
  try {
    return error instanceof kind;
  } catch {
    return false;
  }
}
