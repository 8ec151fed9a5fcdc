/**
 * An account's mailbox names as LIST sees them: mailboxes, superiors that are not mailboxes, and subscriptions without
 * a mailbox.
 */
import type { Id } from '../../mail/account.ts';
import { HIERARCHY_SEPARATOR, type Mailbox } from '../../mail/mailbox.ts';
import type { Mailboxes } from '../../store/mailboxes.ts';

export interface NamedMailbox {
  readonly name: string;
  /** Null for a name that is not a mailbox. */
  readonly mailbox: Mailbox | null;
  readonly subscribed: boolean;
  /** There is a mailbox below it. */
  readonly hasChildren: boolean;
  /** There is a subscribed name below it. */
  readonly subscribedBelow: boolean;
}

/** INBOX first, then by name. */
export async function readTree(mailboxes: Mailboxes, account: Id): Promise<readonly NamedMailbox[]> {
  const [all, subscriptions] = await Promise.all([mailboxes.list(account), mailboxes.subscriptions(account)]);
  const byName = new Map(all.map((mailbox) => [mailbox.name, mailbox]));
  const subscribed = new Set(subscriptions);
  const parents = new Set<string>();
  const subscribedParents = new Set<string>();
  for (const name of byName.keys()) addSuperiors(parents, name);
  for (const name of subscribed) addSuperiors(subscribedParents, name);
  const names = [...new Set([...byName.keys(), ...subscribed, ...parents, ...subscribedParents])];
  return names.sort(inOrder).map((name) => ({
    name,
    mailbox: byName.get(name) ?? null,
    subscribed: subscribed.has(name),
    hasChildren: parents.has(name),
    subscribedBelow: subscribedParents.has(name),
  }));
}

/** `a` and `a/b` of `a/b/c`. */
export function superiors(name: string): string[] {
  const found: string[] = [];
  for (let at = name.indexOf(HIERARCHY_SEPARATOR); at > 0; at = name.indexOf(HIERARCHY_SEPARATOR, at + 1))
    found.push(name.slice(0, at));
  return found;
}

function addSuperiors(all: Set<string>, name: string): void {
  for (const superior of superiors(name)) all.add(superior);
}

function inOrder(a: string, b: string): number {
  if (a === 'INBOX' || b === 'INBOX') return a === b ? 0 : a === 'INBOX' ? -1 : 1;
  return a < b ? -1 : 1;
}
