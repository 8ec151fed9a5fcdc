/** One attempt at one job, through its route's transport, or the reason why it is not attempted now. */
import { reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import type { Route, Router } from '../route/router.ts';
import { verpItem } from '../verp-item.ts';
import type { Destinations } from './destinations.ts';
import { programOf } from './program.ts';
import type { Job } from './waiting-jobs.ts';

/** Delivers items of one message by one route. */
export interface Transports {
  local(route: Route & { kind: 'local' }, item: QueueItem): Promise<Attempt>;
  expand(item: QueueItem): Promise<Attempt>;
  remote(route: Route & { kind: 'remote' }, items: readonly QueueItem[], signal: AbortSignal): Promise<Attempt>;
  target(route: Route & { kind: 'target' }, item: QueueItem, signal: AbortSignal): Promise<Attempt>;
  pipe(route: Route & { kind: 'pipe' }, items: readonly QueueItem[], signal: AbortSignal): Promise<Attempt>;
}

export interface AttemptContext {
  readonly transports: Transports;
  readonly router: Pick<Router, 'asBestMx'>;
  readonly destinations: Destinations;
  /** Transports that wait for an operator's flush (defer_transports); empty during a flush. */
  readonly deferred: ReadonlySet<string>;
  /** Aborted at shutdown: breaks off running deliveries. */
  readonly closing: AbortSignal;
  after(ms: number, callback: () => void): () => void;
}

/** Maximum duration of a single delivery, ms. */
const DELIVERY_DEADLINE = 30 * 60 * 1000;
/** How long a claimed delivery may wait for its turn, ms. */
const WAITING_DEADLINE = 30 * 60 * 1000;
/** Leases are not renewed: one must outlast both, and the settlement after them. */
export const LEASE_MS = DELIVERY_DEADLINE + WAITING_DEADLINE + 15 * 60 * 1000;

/** The outcome of mail that is put off without an attempt; null if it may be tried. */
export function withheld({ route, items, lane }: Job, now: number, context: AttemptContext): Attempt | null {
  if (route.kind !== 'remote' && route.kind !== 'pipe') return null;
  const { transport } = route;
  if (context.deferred.has(transport))
    return unanimous(items, 'deferred', reply(450, '4.3.2', `deferred transport (${transport})`), 'none');
  const dead = context.destinations.dead(lane, now);
  if (dead === null) return null;
  return unanimous(items, 'deferred', { ...dead, text: `delivery temporarily suspended: ${dead.text}` }, 'none');
}

/** Null: the leases end too soon, so the items must be left to be claimed again. Rejects if the store fails. */
export async function attempt(job: Job, now: number, context: AttemptContext): Promise<Attempt | null> {
  if (job.first.verp === undefined) return attemptAsIs(job, now, context);
  // It has one item (waiting-jobs.ts); what is known of it is about the item as the queue has it.
  const { first } = job;
  const spoken = verpItem(first);
  const made = await attemptAsIs({ ...job, first: spoken, items: [spoken] }, now, context);
  return made === null ? null : { ...made, outcomes: made.outcomes.map((outcome) => ({ ...outcome, item: first })) };
}

async function attemptAsIs(job: Job, now: number, context: AttemptContext): Promise<Attempt | null> {
  const { route, items } = job;
  if (now > job.message.claimedAt + WAITING_DEADLINE) return null;
  if (route.kind === 'error')
    return unanimous(items, route.reply.code >= 500 ? 'bounced' : 'deferred', route.reply, route.relay);
  if (route.kind === 'discard')
    return unanimous(items, 'sent', reply(250, '2.0.0', route.text === '' ? 'discarded' : route.text), 'none');
  if (route.kind === 'local') return context.transports.local(route, job.first);
  if (route.kind === 'expand') return context.transports.expand(job.first);
  const deadline = new AbortController();
  const cancel = context.after(DELIVERY_DEADLINE, () => deadline.abort());
  try {
    const signal = AbortSignal.any([deadline.signal, context.closing]);
    if (route.kind === 'target') return await context.transports.target(route, job.first, signal);
    if (route.kind === 'pipe') return await context.transports.pipe(route, items, signal);
    const tried = await context.transports.remote(route, items, signal);
    return tried.isOurs === true ? ((await passOn({ ...job, route }, now, context)) ?? tried) : tried;
  } finally {
    cancel();
  }
}

/**
 * Mail for which this server is the best MX, by best_mx_transport; null where there is none. A transport that would again
 * send it to ourselves ends there.
 */
async function passOn(
  job: Job & { readonly route: Route & { readonly kind: 'remote' } },
  now: number,
  context: AttemptContext,
): Promise<Attempt | null> {
  const { asBestMx } = context.router;
  const once = { ...context, router: { asBestMx: async () => null } };
  const attempts: Attempt[] = [];
  for (const item of job.items) {
    const route = await asBestMx(item, job.route);
    const one = route === null ? null : await attemptAsIs({ ...job, route, first: item, items: [item] }, now, once);
    if (route === null || one === null) return null;
    attempts.push({ ...one, program: programOf(route) });
  }
  const last = attempts.at(-1);
  return last === undefined ? null : { ...last, outcomes: attempts.flatMap(({ outcomes }) => outcomes) };
}
