/**
 * Builds one recipient's rows in mailboxes: the `deliver` hook may choose them and add flags; the prefix is the
 * recipient's own trace header.
 */

import type { HookArguments, Hooks } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import type { Account } from '../../mail/account.ts';
import type { Address } from '../../mail/address.ts';
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

/** What becomes of a message for one account. */
export interface PreparedDelivery {
  /** None: it is dropped. */
  readonly rows: readonly LocalDelivery[];
  /** Addresses that get it too. */
  readonly forward: readonly Address[];
  /** Why it is in no mailbox; null if it is in one. */
  readonly dropped: string | null;
}

const NOWHERE: readonly Address[] = [];

/** A Reply: a plugin refused; 4xx is retried, 5xx bounces. */
export function prepareDelivery(
  account: Account,
  recipient: Recipient,
  context: DeliveryContext,
): PreparedDelivery | Promise<PreparedDelivery | Reply> {
  if (context.hooks.has('deliver')) return askPlugins(account, recipient, context);
  return { rows: [rowOf(account, INBOX, [], recipient, context)], forward: NOWHERE, dropped: null };
}

const rowOf = (
  account: Account,
  mailbox: LocalDelivery['mailbox'],
  flags: readonly string[],
  recipient: Recipient,
  { reversePath, namesOriginal, arrivedAt }: DeliveryContext,
): LocalDelivery => ({
  account: account.id,
  mailbox,
  prefix: deliveryPrefix(reversePath, recipient, namesOriginal),
  flags,
  internalDate: arrivedAt,
});

async function askPlugins(
  account: Account,
  recipient: Recipient,
  context: DeliveryContext,
): Promise<PreparedDelivery | Reply> {
  const argument: HookArguments['deliver'] = {
    account,
    recipient,
    header: await context.header(),
    reversePath: context.reversePath,
    mailbox: 'INBOX',
    flags: [],
    copies: [],
    forward: [],
    drop: null,
  };
  const refusal = refusalReply(await context.hooks.run('deliver', argument), REFUSED);
  if (refusal !== null) return refusal;
  const { mailbox, copies, flags, forward, drop } = argument;
  const names = drop === null ? new Set([mailbox, ...copies]) : [];
  return {
    rows: [...names].map((name) => rowOf(account, { name }, flags, recipient, context)),
    forward,
    dropped: drop,
  };
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
