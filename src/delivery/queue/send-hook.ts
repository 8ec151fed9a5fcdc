/** What plugins say before an attempt to send to another server, at the hook `send_email`. */
import type { Hooks } from '../../bus/hook.ts';
import { refusalReply } from '../../bus/refusal.ts';
import { reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import type { Route } from '../route/router.ts';

const REFUSED = {
  permanent: reply(550, '5.7.1', 'a plugin refuses to send it'),
  temporary: reply(450, '4.7.1', 'a plugin keeps it waiting'),
};
const TAKEN = reply(250, '2.0.0', 'sent by a plugin');

/** Null: it is sent as usual. All items belong to one message and sender. */
export async function sentByPlugins(
  hooks: Hooks,
  { transport, site }: Route & { kind: 'remote' },
  items: readonly QueueItem[],
): Promise<Attempt | null> {
  const [first] = items;
  if (first === undefined || !hooks.has('send_email')) return null;
  const verdict = await hooks.run('send_email', {
    queueId: first.queueId,
    reversePath: first.reversePath,
    recipients: items.map(({ recipient }) => recipient),
    transport,
    nexthop: site,
    arrivedAt: first.arrivedAt,
  });
  if (verdict.code === 'OK') return unanimous(items, 'sent', verdict.reply ?? TAKEN, 'plugin');
  const refusal = refusalReply(verdict, REFUSED);
  return refusal === null ? null : unanimous(items, refusal.code < 500 ? 'deferred' : 'bounced', refusal, 'none');
}
