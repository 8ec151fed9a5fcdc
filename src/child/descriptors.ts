/** The open files of a child beside its standard ones. */
export const DESCRIPTORS = {
  /** From the parent, read when they come. */
  messages: 3,
  /** To the parent; writing waits until there is room. */
  reports: 4,
  /** From the parent: what the child begins with, then an answer to each question, for which it waits. */
  answers: 5,
  /** See mark.ts. */
  mark: 6,
} as const;

/** The first frame. */
export interface Beginning {
  readonly parent: number;
  readonly memoryMb: number;
  readonly data: unknown;
}

export const MEGABYTE = 1_048_576;
