/** Postfix's delivery agents: their names in log lines. */
export const PROGRAMS = ['smtp', 'lmtp', 'local', 'pipe', 'error', 'discard'] as const;
export type Program = (typeof PROGRAMS)[number];
