/** Values put into commands, their environment and paths (command_expansion_filter and the like). */

/** Octets that are not allowed become underscores. */
export const filtered = (text: string, allowed: ReadonlySet<string>): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/./gs, (octet) => (allowed.has(octet) ? octet : '_'));
