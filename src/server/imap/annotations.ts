/**
 * The annotations of the server (RFC 5464): what the administrator says about it, and where the user's mail is forwarded,
 * as a line of a forwarding file: `\me@example.com, other@example.org`.
 */
import type { Account } from '../../mail/account.ts';
import type { Address } from '../../mail/address.ts';
import { type Forwarding, forwardingLine } from '../../mail/forwarding.ts';
import { utf8Octets } from '../../protocol/imap/format.ts';

export const FORWARD = '/private/vendor/posthorn/forward';

export interface ServerAnnotations {
  /** What `/shared/comment` and `/shared/admin` say (section 6.1); null for nothing. */
  readonly comment: string | null;
  readonly admin: string | null;
  /**
   * Reads what a user gives as forwarding; a text says why that is none. Null: users may not set it over IMAP.
   */
  readonly readForwarding: ((own: Address, line: string) => Forwarding | string) | null;
}

/** The value of each entry, in octets; null where it has none. */
export function annotationsOf(
  { comment, admin }: ServerAnnotations,
  { address, forwarding }: Pick<Account, 'address' | 'forwarding'>,
): ReadonlyMap<string, string | null> {
  const values = {
    '/shared/comment': comment,
    '/shared/admin': admin,
    [FORWARD]: forwarding === null ? null : forwardingLine(address, forwarding),
  };
  return new Map(Object.entries(values).map(([name, value]) => [name, value === null ? null : utf8Octets(value)]));
}
