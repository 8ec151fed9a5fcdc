/**
 * What is known of one sender, and what follows from it for its next message. Pure: the same record and attempt give the
 * same decision, so that a change which another process made first is only asked again.
 */

export interface Limits {
  /** Each 0: no limit. */
  readonly messages_per_hour: number;
  readonly messages_per_day: number;
  readonly recipients_per_hour: number;
  readonly recipients_per_day: number;
}

export interface AlarmRules {
  /** Recipients in a day that nobody is alarmed about. */
  readonly least: number;
  /** Alarm above so many times the recipients of the sender's busiest day. */
  readonly factor: number;
  /** Recipients in a day that bounced … */
  readonly bounces: number;
  /** … and their share of all, from 0 to 1. */
  readonly bounce_share: number;
  /** Seconds for which everything is refused for now after the first alarm. */
  readonly pause: number;
  /** Messages that are tried within it, until the sender is stopped. */
  readonly patience: number;
}

export interface Rules {
  readonly limits: Limits;
  /** Null: never. */
  readonly alarm: AlarmRules | null;
}

/** Messages, recipients, and recipients that bounced. */
type Counts = readonly [messages: number, recipients: number, bounces: number];

export type Ledger = {
  /** Of the last 24 hours, by the number of each 10 minutes since 1970. */
  readonly slots: Readonly<Record<string, Counts>>;
  /** Recipients of each day (UTC, by its number since 1970) of the last 30. */
  readonly days: Readonly<Record<string, number>>;
  /** Messages in each day from addresses: the last ones. */
  readonly from: Readonly<Record<string, number>>;
  /** The first alarm of the last 24 hours: when (ms), and what was tried since. */
  readonly paused?: { readonly at: number; readonly tries: number };
};

export interface Attempt {
  /** Ms since 1970. */
  readonly now: number;
  readonly recipients: number;
  readonly ip: string;
}

export type Decision =
  | { readonly kind: 'sent' | 'paused' }
  | { readonly kind: 'limited'; readonly limit: keyof Limits }
  /** An alarm: it is paused, or stopped. */
  | { readonly kind: 'pause' | 'stop'; readonly why: string };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SLOT_MS = HOUR_MS / 6;
const MOST_DAYS = 30;
const MOST_ADDRESSES = 20;

const EMPTY: Ledger = { slots: {}, days: {}, from: {} };
const NOTHING: Counts = [0, 0, 0];

const plus = (a: Counts, b: Counts): Counts => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const slotOf = (time: number): number => Math.trunc(time / SLOT_MS);
const dayOf = (time: number): number => Math.trunc(time / DAY_MS);

/** Counts of the last `span` ms; up to 10 minutes more. */
const countsOf = ({ slots }: Ledger, now: number, span: number): Counts =>
  Object.entries(slots)
    .filter(([slot]) => Number(slot) >= slotOf(now - span))
    .reduce((sum, [, counts]) => plus(sum, counts), NOTHING);

export const dayCounts = (ledger: Ledger, now: number): Counts => countsOf(ledger, now, DAY_MS);

/** Recipients of the busiest day that had ended before the last 24 hours. */
export const busiestDay = ({ days }: Ledger, now: number): number =>
  Math.max(0, ...Object.entries(days).map(([day, recipients]) => (Number(day) < dayOf(now - DAY_MS) ? recipients : 0)));

/** The record afterwards, and what to do with the message. */
export function decide(
  known: Ledger | undefined,
  attempt: Attempt,
  { limits, alarm }: Rules,
): { readonly ledger: Ledger; readonly decision: Decision } {
  const { now, recipients, ip } = attempt;
  const ledger = recent(known ?? EMPTY, now);
  const { paused } = ledger;
  if (alarm !== null && paused !== undefined && now - paused.at < alarm.pause * 1000) {
    const tried = { ...ledger, paused: { ...paused, tries: paused.tries + 1 } };
    return paused.tries < alarm.patience
      ? { ledger: tried, decision: { kind: 'paused' } }
      : { ledger: tried, decision: { kind: 'stop', why: `went on with ${tried.paused.tries} messages while refused` } };
  }
  const sent = counted(ledger, now, [1, recipients, 0], ip);
  const limit = exceeded(sent, now, limits);
  if (limit !== undefined) return { ledger, decision: { kind: 'limited', limit } };
  const why = alarm === null ? null : reason(sent, now, alarm, paused === undefined ? 1 : 2);
  if (why === null) return { ledger: sent, decision: { kind: 'sent' } };
  return paused === undefined
    ? { ledger: { ...ledger, paused: { at: now, tries: 0 } }, decision: { kind: 'pause', why } }
    : { ledger, decision: { kind: 'stop', why } };
}

/** A recipient of a message that it sent has bounced. */
export const bounced = (known: Ledger | undefined, now: number): Ledger =>
  counted(recent(known ?? EMPTY, now), now, [0, 0, 1], null);

/** Its past stays, so that the next alarm knows it; what led to this one is forgotten. */
export const forgiven = ({ days, from }: Ledger): Ledger => ({ slots: {}, days, from });

function recent({ slots, days, from, paused }: Ledger, now: number): Ledger {
  const since = <T>(record: Readonly<Record<string, T>>, first: number): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(record).filter(([number]) => Number(number) >= first));
  return {
    slots: since(slots, slotOf(now - DAY_MS)),
    days: since(days, dayOf(now) - MOST_DAYS),
    from,
    ...(paused !== undefined && now - paused.at < DAY_MS ? { paused } : {}),
  };
}

function counted(ledger: Ledger, now: number, counts: Counts, ip: string | null): Ledger {
  const { [`${slotOf(now)}`]: slot = NOTHING } = ledger.slots;
  const { [`${dayOf(now)}`]: day = 0 } = ledger.days;
  return {
    ...ledger,
    slots: { ...ledger.slots, [slotOf(now)]: plus(slot, counts) },
    days: { ...ledger.days, [dayOf(now)]: day + counts[1] },
    from: ip === null ? ledger.from : withAddress(ledger.from, ip),
  };
}

/** The address that was used last is the last one. */
function withAddress(from: Ledger['from'], ip: string): Ledger['from'] {
  const { [ip]: count = 0, ...others } = from;
  return Object.fromEntries([...Object.entries(others), [ip, count + 1] as const].slice(-MOST_ADDRESSES));
}

function exceeded(ledger: Ledger, now: number, limits: Limits): keyof Limits | undefined {
  const [hourMessages, hourRecipients] = countsOf(ledger, now, HOUR_MS);
  const [dayMessages, dayRecipients] = dayCounts(ledger, now);
  const sent: Limits = {
    messages_per_hour: hourMessages,
    messages_per_day: dayMessages,
    recipients_per_hour: hourRecipients,
    recipients_per_day: dayRecipients,
  };
  return LIMITS.find((name) => limits[name] > 0 && sent[name] > limits[name]);
}

const LIMITS = ['messages_per_hour', 'messages_per_day', 'recipients_per_hour', 'recipients_per_day'] as const;

/** Why to be alarmed, for people; null: there is no reason. `times` the usual measure after a first alarm. */
function reason(ledger: Ledger, now: number, rules: AlarmRules, times: number): string | null {
  const [, recipients, bounces] = dayCounts(ledger, now);
  const busiest = busiestDay(ledger, now);
  if (recipients > times * Math.max(rules.least, rules.factor * busiest))
    return `${recipients} recipients in a day; its busiest day of the last ${MOST_DAYS} had ${busiest}`;
  if (bounces >= times * rules.bounces && bounces >= rules.bounce_share * recipients)
    return `${bounces} of ${recipients} recipients in a day bounced`;
  return null;
}
