/**
 * Leased items whose delivery has not started: recipients of one message and sender with the same route form one job, and jobs
 * queue in lanes: one for each destination, or for each recipient there if a delivery takes only one
 * (NAME_destination_recipient_limit = 1). Local deliveries, commands and files run one by
 * one, known errors together.
 */
import { localPart } from '../../mail/address.ts';
import type { QueueItem } from '../../store/queue.ts';
import { destinationOf, type Route } from '../route/router.ts';
import { ActiveMessage } from './active-message.ts';

export interface Job {
  readonly destination: string;
  /** What is limited together: the destination, or one recipient there. */
  readonly lane: string;
  readonly route: Route;
  readonly first: QueueItem;
  /** `first` and the others. */
  readonly items: QueueItem[];
  readonly message: ActiveMessage;
}

/** Jobs of one destination waiting in memory; its other mail stays in the queue. */
const WAITING_JOBS = 20;
/** The same where each recipient has a lane: one that waits must not keep all others waiting. */
const WAITING_LANES = 200;

export class WaitingJobs {
  readonly #byLane = new Map<string, Job[]>();
  /** Jobs of each destination, and how many are enough. */
  readonly #byDestination = new Map<string, { jobs: number; readonly enough: number }>();

  /** `limit`: recipients in one job of a transport. */
  add(
    batch: readonly { readonly item: QueueItem; readonly route: Route }[],
    claimedAt: number,
    limit: (transport: string) => number,
  ): void {
    /** By message and route: the job that the next such item joins, until it is full. */
    const open = new Map<string, Job>();
    const messages = new Map<string, ActiveMessage>();
    for (const { item, route } of batch) {
      const destination = destinationOf(route);
      const key = jobKey(item, route, destination);
      const joined = open.get(key);
      const most = limit(route.transport);
      if (joined !== undefined && joined.items.length < most) {
        joined.items.push(item);
        continue;
      }
      const message = messages.get(item.queueId) ?? new ActiveMessage(item.queueId, claimedAt);
      messages.set(item.queueId, message);
      message.begin();
      const lane = most === 1 ? `${localPart(item.recipient).toLowerCase()}@${destination}` : destination;
      const job: Job = { destination, lane, route, first: item, items: [item], message };
      open.set(key, job);
      const line = this.#byLane.get(lane);
      if (line === undefined) this.#byLane.set(lane, [job]);
      else line.push(job);
      const known = this.#byDestination.get(destination);
      if (known === undefined)
        this.#byDestination.set(destination, { jobs: 1, enough: most === 1 ? WAITING_LANES : WAITING_JOBS });
      else known.jobs += 1;
    }
  }

  /** Destinations that have enough in memory. */
  full(): string[] {
    return [...this.#byDestination].filter(([, { jobs, enough }]) => jobs >= enough).map(([name]) => name);
  }

  /** Lanes in turn: one from which a job is taken moves to the end, and comes up again in the same iteration. */
  lanes(): IterableIterator<string> {
    return this.#byLane.keys();
  }

  /** The transport of the job that `take` gives next. */
  transport(lane: string): string {
    return this.#byLane.get(lane)?.[0]?.route.transport ?? '';
  }

  /** Of one of `lanes`. */
  take(lane: string): Job {
    const line = this.#byLane.get(lane);
    const job = line?.shift();
    if (line === undefined || job === undefined) throw new Error(`no delivery to ${lane} waits`);
    this.#byLane.delete(lane);
    if (line.length > 0) this.#byLane.set(lane, line);
    const known = this.#byDestination.get(job.destination);
    if (known !== undefined) known.jobs -= 1;
    if (known?.jobs === 0) this.#byDestination.delete(job.destination);
    return job;
  }

  /** Removes and returns everything, to be given back. */
  drain(): Job[] {
    const jobs = [...this.#byLane.values()].flat();
    this.#byLane.clear();
    this.#byDestination.clear();
    return jobs;
  }
}

/** Each item is a delivery of its own. */
const EACH_ALONE: ReadonlySet<Route['kind']> = new Set(['local', 'target', 'expand']);

function jobKey(item: QueueItem, route: Route, destination: string): string {
  const detail =
    EACH_ALONE.has(route.kind) || item.verp !== undefined
      ? String(item.id)
      : route.kind === 'error'
        ? `${route.reply.code} ${route.reply.text}`
        : '';
  return `${item.queueId}\n${item.reversePath}\n${destination}\n${detail}`;
}
