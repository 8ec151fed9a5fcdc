/**
 * Leased items whose delivery has not started: recipients of one message with the same route form one job, and jobs
 * queue by destination. Local deliveries run one by one, known errors together.
 */
import type { QueueItem } from '../../store/queue.ts';
import { destinationOf, type Route } from '../route/router.ts';
import { ActiveMessage } from './active-message.ts';

export interface Job {
  readonly destination: string;
  readonly route: Route;
  readonly first: QueueItem;
  /** `first` and the others. */
  readonly items: QueueItem[];
  readonly message: ActiveMessage;
}

/** Jobs of one destination waiting in memory; its other mail stays in the queue. */
const WAITING_JOBS = 20;

export class WaitingJobs {
  readonly #byDestination = new Map<string, Job[]>();

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
      if (joined !== undefined && joined.items.length < limit(route.transport)) {
        joined.items.push(item);
        continue;
      }
      const message = messages.get(item.queueId) ?? new ActiveMessage(item.queueId, claimedAt);
      messages.set(item.queueId, message);
      message.begin();
      const job: Job = { destination, route, first: item, items: [item], message };
      open.set(key, job);
      const line = this.#byDestination.get(destination);
      if (line === undefined) this.#byDestination.set(destination, [job]);
      else line.push(job);
    }
  }

  /** Destinations that have enough in memory. */
  full(): string[] {
    return [...this.#byDestination].filter(([, line]) => line.length >= WAITING_JOBS).map(([name]) => name);
  }

  /** Destinations in turn: one from which a job is taken moves to the end, and comes up again in the same iteration. */
  destinations(): IterableIterator<string> {
    return this.#byDestination.keys();
  }

  /** The transport of the job that `take` gives next. */
  transport(destination: string): string {
    return this.#byDestination.get(destination)?.[0]?.route.transport ?? '';
  }

  /** Of one of `destinations`. */
  take(destination: string): Job {
    const line = this.#byDestination.get(destination);
    const job = line?.shift();
    if (line === undefined || job === undefined) throw new Error(`no delivery to ${destination} waits`);
    this.#byDestination.delete(destination);
    if (line.length > 0) this.#byDestination.set(destination, line);
    return job;
  }

  /** Removes and returns everything, to be given back. */
  drain(): Job[] {
    const jobs = [...this.#byDestination.values()].flat();
    this.#byDestination.clear();
    return jobs;
  }
}

function jobKey(item: QueueItem, route: Route, destination: string): string {
  const detail =
    route.kind === 'local' ? String(item.id) : route.kind === 'error' ? `${route.reply.code} ${route.reply.text}` : '';
  return `${item.queueId}\n${destination}\n${detail}`;
}
