/**
 * Builds one recipient's row in a mailbox: the `deliver` hook may choose the mailbox and add flags; the prefix is the
 * recipient's own trace header.
 */

import type { Hooks } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import type { Account } from '../../mail/account.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { type Reply, reply } from '../../mail/status.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { MailboxError } from '../../store/mailboxes.ts';
import type { LocalDelivery } from '../../store/store.ts';
import { deliveryPrefix } from './trace.ts';

export interface DeliveryContext {
  readonly hooks: Hooks;
  readonly reversePath: string;
  /** When the message was received. */
  readonly arrivedAt: number;
  /** enable_original_recipient */
  readonly namesOriginal: boolean;
  /** Called only if a plugin has the hook. */
  header(): Header | Promise<Header>;
}

const INBOX = { name: 'INBOX' };
const REFUSED = {
  permanent: reply(550, '5.7.1', 'message refused'),
  temporary: reply(450, '4.7.1', 'message refused for now'),
};

/** A Reply: a plugin refused; 4xx is retried, 5xx bounces. */
export function prepareDelivery(
  account: Account,
  recipient: Recipient,
  context: DeliveryContext,
): LocalDelivery | Promise<LocalDelivery | Reply> {
  if (context.hooks.has('deliver')) return askPlugins(account, recipient, context);
  return {
    account: account.id,
    mailbox: INBOX,
    prefix: deliveryPrefix(context.reversePath, recipient, context.namesOriginal),
    flags: [],
    internalDate: context.arrivedAt,
  };
}

async function askPlugins(
  account: Account,
  recipient: Recipient,
  context: DeliveryContext,
): Promise<LocalDelivery | Reply> {
  const argument = {
    account,
    recipient,
    header: await context.header(),
    reversePath: context.reversePath,
    mailbox: 'INBOX',
    flags: [] as string[],
  };
  const verdict = await context.hooks.run('deliver', argument);
  return (
    refusalReply(verdict, REFUSED) ?? {
      account: account.id,
      mailbox: { name: argument.mailbox },
      prefix: deliveryPrefix(context.reversePath, recipient, context.namesOriginal),
      flags: argument.flags,
      internalDate: context.arrivedAt,
    }
  );
}

/**
 * Why the store did not accept a row. Permanent only if the mailbox is full; a mailbox chosen by a plugin or just
 * deleted is retried. `whose`: the recipient to name, if there are several.
 */
export function mailboxReply(error: MailboxError, whose?: Recipient): Reply {
  const who = whose === undefined ? '' : `<${whose.address}>: `;
  return error.reason === 'overquota'
    ? reply(552, '5.2.2', `${who}Quota exceeded (mailbox for user is full)`)
    : reply(450, '4.2.0', `${who}${error.message}`);
}

export const STORE_FULL = reply(452, '4.3.1', 'Insufficient system storage');
