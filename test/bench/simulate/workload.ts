/** What happens in a second of the busiest hour. */
import type { Inputs } from './inputs.ts';
import type { Population } from './population.ts';

const DAY = 86_400;
/** Seconds between two looks at open mailboxes, with and without change streams (store/backend/mongodb/cluster/feed.ts). */
const LOOKS = { streams: 10, polling: 0.4 } as const;

export interface Workload {
  /** Sessions that are open in IDLE; everything else in a second. */
  readonly open: number;
  readonly rcpt: number;
  /** Into mailboxes: from outside, from here, and copies in Sent. */
  readonly delivery: number;
  readonly relay: number;
  readonly session: number;
  /** Messages of the mailboxes that these open. */
  readonly rows: number;
  readonly listed: number;
  readonly body: number;
  readonly store: number;
  readonly expunge: number;
  /** Changes of mailboxes that another process's session is told of. */
  readonly told: number;
  readonly text: number;
  readonly search: number;
  /** Changes of mailboxes, which each process hears of. */
  readonly changes: number;
  /** Open mailboxes that are looked at. */
  readonly polled: number;
}

export function workloadOf(inputs: Inputs, population: Population): Workload {
  const { accounts, active } = inputs;
  /** So many in a day for each account, in a second of the busiest hour. */
  const atPeak = (daily: number): number => (accounts * daily * inputs.peak) / DAY;
  const polls = inputs.pop3 * ((24 * 60) / Math.max(1, inputs['pop3-minutes']));
  const session = atPeak(active * inputs.sessions + polls);
  const delivery = atPeak(inputs.in + inputs.out);
  const store = atPeak(inputs.in * inputs.flagged);
  const expunge = atPeak((inputs.in + inputs.out) * inputs.removed);
  const changes = delivery + store + expunge;
  const open = accounts * inputs.idle;
  return {
    open,
    rcpt: atPeak(inputs.in + inputs.out * inputs.recipients),
    delivery,
    relay: atPeak(inputs.out * inputs.recipients * (1 - inputs.local) * (1 + inputs.deferred)),
    session,
    rows: session * population.kept.mean * inputs.inbox,
    listed: atPeak(active * inputs.listed),
    body: atPeak(inputs.in * inputs.read),
    store,
    expunge,
    told: changes * Math.min(1, inputs.idle),
    text: atPeak(inputs.in + inputs.out) / Math.max(1, inputs.peak),
    search: atPeak(active * inputs.searches),
    changes,
    polled: open / (inputs.streams > 0 ? LOOKS.streams : LOOKS.polling),
  };
}
