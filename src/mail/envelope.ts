/** The SMTP envelope (RFC 5321 section 2.3.1) with its DSN parameters (RFC 3461). */
import type { Address } from './address.ts';

/** RFC 3461 section 4.1 */
export type Notify = 'NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY';

export interface Recipient {
  /** The current address, after aliases and rewriting. */
  readonly address: Address;
  /** The address in the client's RCPT TO (Postfix: X-Original-To). */
  readonly original: Address;
  /** Empty if the client gave no NOTIFY. */
  readonly notify: readonly Notify[];
  /** `rfc822;user@example` as received (still xtext), or ''. */
  readonly orcpt: string;
}

export interface Envelope {
  /** '' is the null reverse-path. */
  readonly reversePath: Address;
  readonly recipients: readonly Recipient[];
  /** RFC 3461 RET; '' if not given. */
  readonly ret: '' | 'FULL' | 'HDRS';
  /** RFC 3461 ENVID as received (xtext), or ''. */
  readonly envid: string;
  /** The message needs RFC 6531 on every hop. */
  readonly smtputf8: boolean;
  /** RFC 6152 BODY parameter. */
  readonly body: '7BIT' | '8BITMIME';
}
