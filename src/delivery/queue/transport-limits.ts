/**
 * The limits of each transport: `NAME_destination_concurrency_limit` and the like of main.cf, and the process limit of
 * its row of master.cf. In all of them 0 means no limit.
 */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Transports } from '../../lookup/transports.ts';
import type { DestinationLimits } from './destinations.ts';

export interface TransportLimits {
  readonly destination: DestinationLimits;
  /** Recipients of one delivery. */
  readonly recipients: number;
  /** Deliveries at one time. */
  readonly deliveries: number;
}

const orNone = (limit: number): number => (limit === 0 ? Number.POSITIVE_INFINITY : limit);

export function createTransportLimits(
  parameters: ParameterReader,
  transports: Transports,
): (transport: string) => TransportLimits {
  const known = new Map<string, TransportLimits>();
  const deadFor = parameters.time('minimal_backoff_time');
  const read = (name: string): TransportLimits => {
    const own = (suffix: string): number => parameters.untyped.number(`${name}_${suffix}`);
    return {
      destination: {
        initial: Math.max(1, own('initial_destination_concurrency')),
        limit: orNone(own('destination_concurrency_limit')),
        deadFor,
      },
      recipients: orNone(own('destination_recipient_limit')),
      deliveries: orNone(transports.get(name)?.limit ?? 0),
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
