/**
 * A reply with its enhanced status code (RFC 5321 section 4.2, RFC 3463).
 * The answer of a policy, the reply of a remote server, and what a notification reports.
 */
export interface Reply {
  /** Three digits: 250, 450, 554 … */
  readonly code: number;
  /** RFC 3463 `class.subject.detail`, such as `5.7.1`; '' for replies without one (220, 354, 334). */
  readonly enhanced: string;
  /** Text after the codes, without line breaks except between the lines of a multi-line reply. */
  readonly text: string;
}

export function reply(code: number, enhanced: string, text: string): Reply {
  return { code, enhanced, text };
}

/** `554 5.7.1 text`: a reply on one line, for logs and notifications. */
export function formatReply(r: Reply): string {
  return `${r.code}${r.enhanced === '' ? '' : ` ${r.enhanced}`} ${r.text.replaceAll('\n', ' ')}`;
}

/** Distinguishes a refusal from the requested value. */
export const isReply = (value: object): value is Reply => 'code' in value && 'enhanced' in value;

export const isPermanent = (r: Reply): boolean => r.code >= 500;
export const isSuccess = (r: Reply): boolean => r.code >= 200 && r.code < 300;

/** A final refusal as a temporary one (Postfix: soft_bounce). */
export const softened = (r: Reply): Reply =>
  isPermanent(r) ? { ...r, code: r.code - 100, enhanced: r.enhanced.replace(/^5/, '4') } : r;
