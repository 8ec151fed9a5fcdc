/**
 * A message that a local user submits by the sendmail command: a file whose first line is the envelope in JSON, followed
 * by the message as it was given (pickup(8), postdrop(1)).
 *
 * Everyone may write such files, so everything in them is hostile.
 */
import type { Notify } from '../../mail/envelope.ts';

export interface Submission {
  /** '' is the null reverse-path; a name without a domain is one of ours. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** For From, if the message has none; '' for no name. */
  readonly fullName: string;
  readonly notify: readonly Notify[];
  readonly ret: '' | 'FULL' | 'HDRS';
  readonly envid: string;
  readonly body: '7BIT' | '8BITMIME';
  /** The delimiters of VERP; '': not wanted. */
  readonly verp: string;
  /** Nothing is sent: the sender is told what would become of it (`sendmail -bv`). */
  readonly verify: boolean;
  /** The sender is told how the first attempt went (`sendmail -v`). */
  readonly reports: boolean;
}

/** Octets of the first line, with its LF. */
export const ENVELOPE_LIMIT = 1024 * 1024;
export const MAX_RECIPIENTS = 10_000;

const NOTIFY: ReadonlySet<unknown> = new Set(['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] satisfies Notify[]);
const RET: ReadonlySet<unknown> = new Set(['', 'FULL', 'HDRS']);
const BODY: ReadonlySet<unknown> = new Set(['7BIT', '8BITMIME']);

/** RFC 5321 section 4.5.3.1.3, without brackets. */
const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && Buffer.byteLength(value) <= 254 && !/[\x00-\x1f\x7f]/.test(value);

/** One line, with its LF. */
export const formatSubmission = (submission: Submission): string => `${JSON.stringify(submission)}\n`;

/** What is wrong, in a few words, if it is not a submission. */
export function parseSubmission(line: string): Submission | string {
  let read: unknown;
  try {
    read = JSON.parse(line);
  } catch {
    return 'its first line is no envelope';
  }
  if (typeof read !== 'object' || read === null) return 'its first line is no envelope';
  const {
    sender,
    recipients,
    fullName,
    notify,
    ret,
    envid,
    body,
    verp = '',
    verify = false,
    reports = false,
  } = read as Record<string, unknown>;
  if (!isAddress(sender)) return 'its sender is no address';
  if (!Array.isArray(recipients) || !recipients.every((one) => isAddress(one) && one !== ''))
    return 'a recipient is no address';
  if (recipients.length === 0 || recipients.length > MAX_RECIPIENTS)
    return `it has ${recipients.length} recipients; 1 to ${MAX_RECIPIENTS} are allowed`;
  if (typeof fullName !== 'string' || fullName.length > 200 || /[\x00-\x1f\x7f]/.test(fullName))
    return 'its full name is no line';
  if (!Array.isArray(notify) || !notify.every((one) => NOTIFY.has(one))) return 'its notify is not one of RFC 3461';
  if (!RET.has(ret) || !BODY.has(body)) return 'its ret or body is not one of RFC 3461 or 6152';
  if (typeof envid !== 'string' || !/^[!-~]{0,100}$/.test(envid)) return 'its envelope ID is not one of RFC 3461';
  if (typeof verp !== 'string' || !/^(?:[!-~]{2})?$/.test(verp)) return 'its VERP delimiters are not two characters';
  if (typeof verify !== 'boolean') return 'its verify is neither true nor false';
  if (typeof reports !== 'boolean') return 'its reports is neither true nor false';
  return { sender, recipients, fullName, notify, ret, envid, body, verp, verify, reports } as Submission;
}
