/** Where each copy of a message would go, read from the steps of its way and from what the store would have kept. */
import type { Destination } from '../../admin/explanation.ts';
import { ERROR_DESTINATION, MAILBOX_AGENTS } from '../../delivery/route/router.ts';
import { addressKey, domainOf, qualify } from '../../mail/address.ts';
import type { QueueItemDraft } from '../../store/queue.ts';
import type { Acceptance } from '../../store/store.ts';
import type { TraceStep } from '../../tracing.ts';
import type { ExplainParts } from './parts.ts';

/** Without what it keeps, the message was refused. */
export async function destinationsOf(
  steps: readonly TraceStep[],
  kept: Acceptance | null,
  { foundation, directory }: ExplainParts,
): Promise<Destination[]> {
  const before = waysBack(steps, foundation.configuration.parameters.string('myorigin'));
  const folders = new Map(
    kept?.deliveries.map(({ account, mailbox }) => [account, 'name' in mailbox ? mailbox.name : 'INBOX'] as const),
  );
  const queued = new Map(kept?.queued.map((item) => [addressKey(item.recipient), item]));
  const withWay = async (address: string): Promise<Pick<Destination, 'address' | 'way' | 'addressClass' | 'held'>> => ({
    address,
    way: wayTo(address, before),
    addressClass: await foundation.domains.classify(domainOf(address)).catch(() => null),
    held: queued.get(addressKey(address))?.state === 'hold',
  });
  const destinations: Destination[] = [];
  const routed = new Set<string>();
  for (const step of steps) {
    if (step.kind !== 'route') continue;
    const { address, transport, nexthop } = step;
    const account = MAILBOX_AGENTS.has(transport) ? await directory.find(nexthop) : null;
    const mailbox = account === null ? null : (folders.get(account.id) ?? null);
    destinations.push({ ...(await withWay(address)), transport, nexthop, mailbox });
    routed.add(addressKey(address));
  }
  for (const item of queued.values())
    if (!routed.has(addressKey(item.recipient)))
      destinations.push({ ...(await withWay(item.recipient)), ...refusalOf(item), mailbox: null });
  return destinations;
}

/** A recipient that was refused while it was expanded has no route. */
const refusalOf = ({ destination }: QueueItemDraft): Pick<Destination, 'transport' | 'nexthop'> => ({
  transport: ERROR_DESTINATION,
  nexthop: destination.slice(destination.indexOf(':') + 1),
});

/** From each address to the one that it replaces. */
function waysBack(steps: readonly TraceStep[], origin: string): ReadonlyMap<string, string> {
  const before = new Map<string, string>();
  for (const step of steps) {
    if (step.kind !== 'expansion') continue;
    for (const member of step.into) {
      const key = addressKey(qualify(member, origin));
      if (!before.has(key)) before.set(key, step.address);
    }
  }
  return before;
}

function wayTo(address: string, before: ReadonlyMap<string, string>): string[] {
  const way = [address];
  const seen = new Set([addressKey(address)]);
  for (let at = before.get(addressKey(address)); at !== undefined; at = before.get(addressKey(at))) {
    if (seen.has(addressKey(at))) break;
    seen.add(addressKey(at));
    way.unshift(at);
  }
  return way;
}
