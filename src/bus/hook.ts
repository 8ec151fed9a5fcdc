/**
 * The points at which the server calls its plugins, and the answers they may give.
 *
 * Names and return codes are Haraka's if Haraka has them (connect, helo, ehlo is helo, mail, rcpt, data, data_post,
 * queue, …); `expand`, `deliver`, `dns_query`, `imap_login` and others are our own. Their arguments are in `arguments`.
 */

import type { Verdict } from './answer.ts';
import type { DeliveryHooks } from './arguments/delivery.ts';
import type { HouseHooks } from './arguments/house.ts';
import type { MailboxHooks } from './arguments/mailboxes.ts';
import type { SmtpHooks } from './arguments/smtp.ts';
import type { Connection } from './session.ts';

export * from './answer.ts';
export type * from './arguments/delivery.ts';
export type * from './arguments/house.ts';
export type * from './arguments/mailboxes.ts';
export type * from './arguments/smtp.ts';
export type * from './session.ts';

/** The argument of each hook, by the hook's name. */
export interface HookArguments extends SmtpHooks, DeliveryHooks, MailboxHooks, HouseHooks {}

export type HookName = keyof HookArguments;

/** The servers' interface to the bus: calls every plugin of a hook. Never rejects. */
export interface Hooks {
  /**
   * True if at least one plugin has the hook; otherwise callers can avoid building arguments. With `connection` (null:
   * none) only plugins count that want to be asked about it.
   */
  has(name: HookName, connection?: Connection | null): boolean;
  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict>;
}
