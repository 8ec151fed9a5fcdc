/**
 * What counts as an answer. Plugins are other people's code: a verdict is checked before the core
 * acts on it, so that a wrong reply never reaches the wire (a text with CR LF would be a reply of its own).
 */
import { type Reply, reply } from '../mail/status.ts';
import { type HookName, NEXT, type Verdict } from './hook.ts';

/** The answer in place of a plugin that failed and defers. */
const UNAVAILABLE: Verdict = { code: 'DENYSOFT', reply: reply(451, '4.3.0', 'Error: service temporarily unavailable') };

/** Hooks that tell and do not ask: every handler hears, no answer counts. */
const OBSERVING: ReadonlySet<HookName> = new Set(['disconnect', 'delivered', 'deferred', 'bounce']);

export const isObserving = (hook: HookName): boolean => OBSERVING.has(hook);

/** What a plugin that gave no verdict counts as. */
export const failureVerdict = (onError: 'defer' | 'pass'): Verdict => (onError === 'defer' ? UNAVAILABLE : NEXT);

/** The reply codes that a verdict may carry: its class, as first and last code. */
const CODES: Readonly<Record<Verdict['code'], readonly [number, number]>> = {
  NEXT: [0, -1],
  OK: [200, 399],
  DENY: [400, 599],
  DENYSOFT: [400, 499],
  DENYDISCONNECT: [400, 599],
  DENYSOFTDISCONNECT: [400, 499],
  DISCONNECT: [0, -1],
};

const LONGEST_TEXT = 2000;

/** Null where the value is a verdict that can be acted on, else what is wrong with it. */
export function verdictFault(value: unknown): string | null {
  if (value === NEXT) return null;
  if (typeof value !== 'object' || value === null)
    return `answered ${value === null ? 'null' : typeof value} instead of a verdict such as NEXT, OK or deny(reply)`;
  const { code, reply: answer } = value as { code?: unknown; reply?: unknown };
  if (typeof code !== 'string' || !Object.hasOwn(CODES, code))
    return `answered the verdict code ${String(code).slice(0, 40)}; known are ${Object.keys(CODES).join(', ')}`;
  return answer === undefined ? null : replyFault(code as Verdict['code'], answer);
}

function replyFault(code: Verdict['code'], value: unknown): string | null {
  const answer = value as Partial<Reply> | null;
  if (typeof answer !== 'object' || answer === null) return 'answered with a reply that is not one; make it with reply(code, enhanced, text)';
  const [first, last] = CODES[code];
  if (typeof answer.code !== 'number' || !Number.isInteger(answer.code) || answer.code < first || answer.code > last)
    return `answered ${code} with reply code ${String(answer.code).slice(0, 40)}`;
  if (typeof answer.enhanced !== 'string' || !/^(?:[245]\.\d{1,3}\.\d{1,3})?$/.test(answer.enhanced))
    return 'answered with an enhanced status code that is not like 5.7.1';
  if (typeof answer.text !== 'string' || answer.text.length > LONGEST_TEXT || /[\0\r]/.test(answer.text))
    return `answered with a reply text that is no text, has a CR or NUL, or is longer than ${LONGEST_TEXT} characters`;
  return null;
}
