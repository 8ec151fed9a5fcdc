/**
 * Where an account's mail is forwarded, as its user or an administrator set it (by command, over IMAP); a forwarding
 * file has its own language (protocol/members.ts).
 */
import type { Address } from './address.ts';

export interface Forwarding {
  /** Complete addresses, at least one; the account's own is not among them. */
  readonly targets: readonly Address[];
  /** A copy stays in the mailbox. */
  readonly keep: boolean;
}

/**
 * How many targets there may be. Postfix limits a forwarding file only by what one message may expand to
 * (virtual_alias_expansion_limit, 1000): too many for somebody who stole a password. This is as many recipients as one
 * of its deliveries has (default_destination_recipient_limit).
 */
export const MOST_TARGETS = 50;

/** Octets of a forwarding as one line of text: as long as a line that Postfix reads from a file (line_length_limit). */
export const LONGEST_FORWARDING = 2048;

/** As a line of a forwarding file says it: `\me@example.com, other@example.org`. */
export const forwardingLine = (own: Address, { targets, keep }: Forwarding): string =>
  [...(keep ? [`\\${own}`] : []), ...targets].join(', ');
