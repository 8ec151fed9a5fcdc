/**
 * The limits of each transport: `NAME_destination_concurrency_limit` and the like of main.cf, and the process limit of
 * its row of master.cf. In limits 0 means none.
 */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Transports } from '../../lookup/transports.ts';
import type { DestinationLimits } from './destinations.ts';
import { parseFeedback } from './feedback.ts';

export interface TransportLimits {
  readonly destination: DestinationLimits;
  /** Recipients of one delivery. With 1, each recipient is a destination of its own (SCHEDULER_README). */
  readonly recipients: number;
  /** Deliveries at one time. */
  readonly deliveries: number;
  /** Between the beginnings of two deliveries, ms. */
  readonly rateDelay: number;
}

const orNone = (limit: number): number => (limit === 0 ? Number.POSITIVE_INFINITY : limit);

export function createTransportLimits(
  parameters: ParameterReader,
  transports: Transports,
): (transport: string) => TransportLimits {
  const known = new Map<string, TransportLimits>();
  const deadFor = parameters.time('minimal_backoff_time');
  const { untyped } = parameters;
  const read = (name: string): TransportLimits => {
    const own = (suffix: string): string => `${name}_${suffix}`;
    const rateDelay = untyped.time(own('destination_rate_delay'));
    const oneAtATime = rateDelay > 0;
    return {
      destination: {
        initial: oneAtATime ? 1 : Math.max(1, untyped.number(own('initial_destination_concurrency'))),
        limit: oneAtATime ? 1 : orNone(untyped.number(own('destination_concurrency_limit'))),
        positive: parseFeedback(untyped.string(own('destination_concurrency_positive_feedback'))),
        negative: parseFeedback(untyped.string(own('destination_concurrency_negative_feedback'))),
        failedCohorts: untyped.number(own('destination_concurrency_failed_cohort_limit')),
        rateDelay,
        deadFor,
      },
      recipients: orNone(untyped.number(own('destination_recipient_limit'))),
      deliveries: orNone(transports.get(name)?.limit ?? 0),
      rateDelay: untyped.time(own('transport_rate_delay')),
    };
  };
  return (name) => {
    let limits = known.get(name);
    if (limits === undefined) {
      limits = read(name);
      known.set(name, limits);
    }
    return limits;
  };
}
