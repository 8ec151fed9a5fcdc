/** Names as hosts have them in practice: letters, digits, hyphens and underscores, and not an address. */
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

export const isHostName = (value: unknown): value is string =>
  typeof value === 'string' && HOST_NAME.test(value) && !/^[\d.]+$/.test(value);
