/** What plugins say before an attempt to send to another server, at the hook `send_email`. */
import type { HookArguments, Hooks } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import { reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import type { Route } from '../route/router.ts';
import type { SentItem } from '../sent-item.ts';

const REFUSED = {
  permanent: reply(550, '5.7.1', 'a plugin refuses to send it'),
  temporary: reply(450, '4.7.1', 'a plugin keeps it waiting'),
};
const TAKEN = reply(250, '2.0.0', 'sent by a plugin');

/**
 * Sends, unless a plugin does or refuses. All items belong to one message and sender. The outcomes are about the items as
 * the queue has them, whatever reverse-path a plugin gave this attempt: what we send back goes to the message's own.
 */
export async function sendByPlugins(
  hooks: Hooks,
  { transport, site }: Route & { kind: 'remote' },
  items: readonly QueueItem[],
  send: (items: readonly SentItem[]) => Promise<Attempt>,
): Promise<Attempt> {
  const [first] = items;
  if (first === undefined || !hooks.has('send_email')) return send(items);
  const sender = first.reversePath;
  const argument: HookArguments['send_email'] = {
    queueId: first.queueId,
    sender,
    reversePath: sender,
    recipients: items.map(({ recipient }) => recipient),
    originals: items.map(({ original }) => original),
    transport,
    nexthop: site,
    arrivedAt: first.arrivedAt,
  };
  const verdict = await hooks.run('send_email', argument);
  if (verdict.code === 'OK') return unanimous(items, 'sent', verdict.reply ?? TAKEN, 'plugin');
  const refusal = refusalReply(verdict, REFUSED);
  if (refusal !== null) return unanimous(items, refusal.code < 500 ? 'deferred' : 'bounced', refusal, 'none');
  const { reversePath } = argument;
  if (reversePath === sender) return send(items);
  const own = new Map(items.map((item) => [item.id, item]));
  const made = await send(items.map((item) => ({ ...item, reversePath, sender })));
  return {
    ...made,
    outcomes: made.outcomes.map((outcome) => ({ ...outcome, item: own.get(outcome.item.id) ?? outcome.item })),
  };
}
