/**
 * What one recipient's row in a mailbox will be: the `deliver` hook may choose the mailbox and add
 * flags; the prefix carries the recipient's own trace header.
 */

import type { Hooks } from '../../bus/hook.ts';
import type { Account } from '../../mail/account.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { type Reply, reply } from '../../mail/status.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { LocalDelivery } from '../../store/store.ts';
import { deliveryPrefix } from './trace.ts';

export interface DeliveryContext {
  readonly hooks: Hooks;
  readonly reversePath: string;
  /** When the message came. */
  readonly arrivedAt: number;
  /** Asked only where a plugin listens. */
  header(): Header | Promise<Header>;
}

const INBOX = { name: 'INBOX' };

/** A Reply: a plugin refused; 4xx is for later, 5xx bounces. */
export function prepareDelivery(account: Account, recipient: Recipient, context: DeliveryContext): LocalDelivery | Promise<LocalDelivery | Reply> {
  if (context.hooks.has('deliver')) return askPlugins(account, recipient, context);
  return { account: account.id, mailbox: INBOX, prefix: deliveryPrefix(context.reversePath, recipient), flags: [], internalDate: context.arrivedAt };
}

async function askPlugins(account: Account, recipient: Recipient, context: DeliveryContext): Promise<LocalDelivery | Reply> {
  const argument = { account, recipient, header: await context.header(), reversePath: context.reversePath, mailbox: 'INBOX', flags: [] as string[] };
  const verdict = await context.hooks.run('deliver', argument);
  switch (verdict.code) {
    case 'DENY':
    case 'DENYDISCONNECT':
      return verdict.reply ?? reply(550, '5.7.1', 'message refused');
    case 'DENYSOFT':
    case 'DENYSOFTDISCONNECT':
      return verdict.reply ?? reply(450, '4.7.1', 'message refused for now');
    case 'DISCONNECT':
      return reply(450, '4.3.0', 'message refused for now');
    default:
      return {
        account: account.id,
        mailbox: { name: argument.mailbox },
        prefix: deliveryPrefix(context.reversePath, recipient),
        flags: argument.flags,
        internalDate: context.arrivedAt,
      };
  }
}

export const isReply = (value: object): value is Reply => 'code' in value;
