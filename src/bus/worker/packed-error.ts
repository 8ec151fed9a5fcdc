/** Errors between processes: the message, and the class where somebody asks for it. */
import { messageOf } from '../../errors.ts';
import { ResolveError } from '../../protocol/dns/resolver.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { AnswerFault } from '../verdict.ts';

export type PackedError = readonly [kind: string, message: string];

const REASONS = ['notfound', 'nodata', 'tempfail'] as const;

/** A row for each class that keeps its identity; the first one that fits is taken. */
const KINDS: Readonly<Record<string, { is(error: unknown): boolean; make(message: string): Error }>> = {
  store: {
    is: (error) => error instanceof StoreUnavailableError,
    make: (message) => new StoreUnavailableError(message),
  },
  answer: { is: (error) => error instanceof AnswerFault, make: (message) => new AnswerFault(message) },
  ...Object.fromEntries(
    REASONS.map((reason) => [
      reason,
      {
        is: (error: unknown) => error instanceof ResolveError && error.reason === reason,
        make: (message: string) => new ResolveError(reason, message),
      },
    ]),
  ),
};

/** Never throws, whatever was thrown. */
export function packError(error: unknown): PackedError {
  return [kindOf(error), messageOf(error)];
}

function kindOf(error: unknown): string {
  try {
    return Object.entries(KINDS).find(([, { is }]) => is(error))?.[0] ?? '';
  } catch {
    return '';
  }
}

export function unpackError(packed: unknown): Error {
  const [kind, message]: readonly unknown[] = Array.isArray(packed) ? packed : [];
  const text = typeof message === 'string' ? message : 'failed without a message';
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind)
    ? (KINDS[kind]?.make(text) ?? new Error(text))
    : new Error(text);
}
