/** The arguments of a pipe(8) command: its `${name}`s, and an argument for each recipient where one names the recipient. */

import {
  CLIENT_NAMES,
  fillIn,
  type MESSAGE_NAMES,
  namesIn,
  type RECIPIENT_NAMES,
  unknownNames,
} from '../../lookup/transports.ts';
import { type Delimiters, domainOf, localPart, splitDetail, unquoted } from '../../mail/address.ts';
import { ownValue } from '../../own-value.ts';
import type { QueueItem } from '../../store/queue.ts';

export interface ArgumentsContext {
  readonly flags: ReadonlySet<string>;
  readonly nullSender: string;
  readonly nexthop: string;
  /** recipient_delimiter */
  readonly delimiters: Delimiters;
}

type Value = (item: QueueItem, context: ArgumentsContext) => string;

/** Names whose argument is repeated for each recipient. */
const OF_RECIPIENT: Readonly<Record<(typeof RECIPIENT_NAMES)[number], Value>> = {
  recipient: ({ recipient }, context) => addressIn(recipient, context),
  original_recipient: ({ original, recipient }, context) => addressIn(original || recipient, context),
  mailbox: ({ recipient }, context) => folded(localPart(unquoted(recipient)), 'u', context),
  user: ({ recipient }, context) => folded(divided(recipient, context).user, 'u', context),
  extension: ({ recipient }, context) => folded(divided(recipient, context).detail, 'u', context),
  domain: ({ recipient }, context) => folded(domainPart(recipient), 'h', context),
};

const OF_MESSAGE: Readonly<Record<(typeof MESSAGE_NAMES)[number], Value>> = {
  nexthop: (_item, context) => folded(context.nexthop, 'h', context),
  queue_id: ({ queueId }) => queueId,
  sender: (item, context) => senderIn(item, context),
  size: ({ size }) => String(size),
};

/** `items`: the recipients of one message, at least one. Null if an argument has a name that does not exist. */
export function pipeArguments(
  words: readonly string[],
  items: readonly [QueueItem, ...QueueItem[]],
  context: ArgumentsContext,
): string[] | null {
  const given: string[] = [];
  for (const word of words) {
    if (unknownNames(word).length > 0) return null;
    const of = namesIn(word).some((name) => Object.hasOwn(OF_RECIPIENT, name)) ? items : items.slice(0, 1);
    given.push(...of.map((item) => filledIn(word, item, context)));
  }
  return given;
}

/** The sender as a command sees it: the null sender has a name. */
export const senderIn = ({ reversePath }: QueueItem, context: ArgumentsContext): string =>
  reversePath === '' ? context.nullSender : context.flags.has('q') ? reversePath : unquoted(reversePath);

/** Mail that no client sent has no ident: nothing is unknown of it. */
const OF_CLIENT: Readonly<Record<string, Value>> = Object.fromEntries(
  Object.entries(CLIENT_NAMES).map(([name, { field, unknown }]) => [
    name,
    ({ client }) => (client === undefined ? '' : (client[field] ?? (client.ident === undefined ? '' : unknown))),
  ]),
);

const VALUES: Readonly<Record<string, Value>> = { ...OF_MESSAGE, ...OF_RECIPIENT, ...OF_CLIENT };

const filledIn = (word: string, item: QueueItem, context: ArgumentsContext): string =>
  fillIn(word, (name) => ownValue(VALUES, name)?.(item, context) ?? '');

function addressIn(address: string, context: ArgumentsContext): string {
  const spoken = context.flags.has('q') ? address : unquoted(address);
  const at = spoken.lastIndexOf('@');
  if (at < 0) return folded(spoken, 'u', context);
  return `${folded(spoken.slice(0, at), 'u', context)}@${folded(spoken.slice(at + 1), 'h', context)}`;
}

const folded = (text: string, flag: 'u' | 'h', { flags }: ArgumentsContext): string =>
  flags.has(flag) ? text.toLowerCase() : text;

/** With its case. */
const domainPart = (address: string): string => address.slice(address.lastIndexOf('@') + 1) || domainOf(address);

function divided(
  address: string,
  { delimiters }: ArgumentsContext,
): { readonly user: string; readonly detail: string } {
  const local = localPart(unquoted(address));
  return splitDetail(local, delimiters) ?? { user: local, detail: '' };
}
