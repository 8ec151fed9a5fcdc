/** Checks and copies a restriction's outcome, as is done for verdicts. */
import { DUNNO, type Outcome, PERMIT, type Subject } from './restriction.ts';
import { AnswerFault, readReply } from './verdict.ts';

const REFUSING = [400, 599] as const;
const MOST_WORDS = 1_000;
type Kind = Outcome['kind'];

/** The outcome as plain data, each property read once. Throws AnswerFault if it is invalid; getters may throw too. */
export function readOutcome(word: string, value: unknown): Outcome {
  if (value === DUNNO || value === PERMIT) return value as Outcome;
  const read = typeof value === 'object' && value !== null ? READERS[kindOf(value)] : undefined;
  if (read === undefined)
    throw new AnswerFault(`${word} did not return an outcome such as DUNNO, PERMIT or rejectWith(reply)`);
  return read(word, value as Readonly<Record<string, unknown>>);
}

/** '' if the kind is unknown. */
function kindOf(value: object): Kind {
  const { kind } = value as { readonly kind?: unknown };
  return typeof kind === 'string' && Object.hasOwn(READERS, kind) ? (kind as Kind) : ('' as Kind);
}

const replyOf = (word: string, { reply }: Readonly<Record<string, unknown>>): ReturnType<typeof readReply> =>
  readReply(reply, word, REFUSING);

const READERS: Readonly<Record<Kind, (word: string, given: Readonly<Record<string, unknown>>) => Outcome>> = {
  dunno: () => DUNNO,
  permit: (word, { relay }) => ({ kind: 'permit', relay: oneOf(word, relay, ['client', 'list', 'no']) }),
  reject: (word, given) => ({
    kind: 'reject',
    reply: replyOf(word, given),
    ...(given['always'] === true ? { always: true } : {}),
  }),
  defer_if_permit: (word, given) => ({ kind: 'defer_if_permit', reply: replyOf(word, given) }),
  defer_if_reject: (word, given) => ({ kind: 'defer_if_reject', reply: replyOf(word, given) }),
  evaluate: (word, { list, subject, permits }) => ({
    kind: 'evaluate',
    list: wordsOf(word, list),
    subject: subjectOf(word, subject),
    permits: oneOf(word, permits, ['relay', 'local', 'never']),
  }),
};

function oneOf<T extends string>(word: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new AnswerFault(`${word} returned an outcome without one of ${allowed.join(', ')}`);
  return found;
}

function wordsOf(word: string, list: unknown): readonly string[] {
  if (!Array.isArray(list) || list.length > MOST_WORDS)
    throw new AnswerFault(`${word} returned a list that is not an array of at most ${MOST_WORDS} words`);
  return list.map((one: unknown) => {
    if (typeof one !== 'string') throw new AnswerFault(`${word} returned a list with a ${typeof one} in it`);
    return one;
  });
}

function subjectOf(word: string, value: unknown): Subject {
  const { name, kind } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly name?: unknown;
    readonly kind?: unknown;
  };
  if (typeof name !== 'string' || typeof kind !== 'string')
    throw new AnswerFault(`${word} returned a list without its subject`);
  return { name, kind: kind as Subject['kind'] };
}
