/**
 * Replies and outcomes in Postfix's words: `554 5.7.1 <name>: Sender address rejected: Access denied`.
 *
 * Guarantees: a reply is one line of printable characters, the class of the enhanced code is that of the reply code,
 * and its detail fits the subject (an address status means something different for a sender than for a recipient; RFC
 * 3463 section 3.2).
 */
import {
  type Outcome,
  type Question,
  type Reply,
  rejectWith,
  reply,
  type Server,
  StoreUnavailableError,
  type Subject,
} from '../../src/bus/plugin.ts';
import { TableUnavailableError } from '../../src/lookup/table-fault.ts';
import { unquoted } from '../../src/mail/address.ts';

const LONGEST_TEXT = 1500;

/** `X.1.detail` for a sender and for a recipient; for any other subject it becomes `X.0.0`. */
const ADDRESS_DETAILS: Readonly<Record<string, readonly [sender: string, recipient: string]>> = {
  '1.1': ['1.7', '1.1'],
  '1.2': ['1.8', '1.2'],
  '1.3': ['1.7', '1.3'],
  '1.4': ['1.7', '1.4'],
  '1.5': ['1.0', '1.5'],
  '1.6': ['1.7', '1.6'],
  '1.7': ['1.7', '1.3'],
  '1.8': ['1.8', '1.2'],
};

function fitDetail(detail: string, kind: Subject['kind']): string {
  if (!detail.startsWith('1.')) return detail;
  const [sender, recipient] = ADDRESS_DETAILS[detail] ?? ['1.0', '1.0'];
  if (kind === 'Sender address') return sender;
  return kind === 'Recipient address' ? recipient : '0.0';
}

const printable = (text: string): string => text.replace(/[\0-\x1f\x7f]/g, ' ').slice(0, LONGEST_TEXT);

/** A reply whose enhanced code agrees with its code, which takes precedence. */
export const makeReply = (code: number, enhanced: string, text: string): Reply =>
  reply(code, `${Math.trunc(code / 100)}${enhanced.slice(1)}`, printable(text));

/** `<name>: kind rejected: text` */
export const refusal = (code: number, enhanced: string, subject: Subject, text: string): Reply =>
  makeReply(
    code,
    `${enhanced.slice(0, 2)}${fitDetail(enhanced.slice(2), subject.kind)}`,
    `<${subject.name}>: ${subject.kind} rejected: ${text}`,
  );

export const refuse = (code: number, enhanced: string, subject: Subject, text: string): Outcome =>
  rejectWith(refusal(code, enhanced, subject, text));

/** Operator errors are only reported to the peer like this. */
export const CONFIGURATION_ERROR: Reply = reply(451, '4.3.5', 'Server configuration error');

export const misconfigured: Outcome = { kind: 'reject', reply: CONFIGURATION_ERROR, always: true };

/** The store and database tables log an outage themselves, once. */
export const isLogged = (error: unknown): boolean =>
  error instanceof StoreUnavailableError || (error instanceof TableUnavailableError && error.isLogged);

/** A table or the directory is unavailable: `what` is logged. */
export function lookupFault(server: Server, question: Question, what: string, error: unknown, name: string): Outcome {
  if (!isLogged(error)) server.log.warn({ session: question.connection.id }, what);
  return {
    kind: 'reject',
    reply: makeReply(451, '4.3.0', `<${unquoted(name)}>: Temporary lookup failure`),
    always: true,
  };
}

/**
 * A check is not possible now: `unknown_*_tempfail_action` says whether that defers at once or only what would be
 * permitted.
 */
export const unanswered = (action: string, answer: Reply): Outcome =>
  action.toLowerCase() === 'defer' ? rejectWith(answer) : { kind: 'defer_if_permit', reply: answer };
