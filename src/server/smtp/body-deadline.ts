/**
 * smtpd_per_request_deadline for a message: how long the client may let us wait for it altogether. Each octet that comes
 * buys time, by smtpd_min_data_rate, up to smtpd_timeout. (That a command line is complete in smtpd_timeout is always
 * wanted: net/line-connection.ts.)
 */
import type { Wire } from './wire.ts';

type Input = Pick<Wire, 'readChunk' | 'unread'>;

export interface BodyDeadline {
  /** Milliseconds. */
  readonly most: number;
  /** Octets a second. */
  readonly rate: number;
}

/** The same input within the deadline; `onLate` closes it. */
export function withinDeadline(input: Input, { most, rate }: BodyDeadline, onLate: () => void): Input {
  let left = most;
  return {
    unread: (octets) => input.unread(octets),
    readChunk: async () => {
      const timer = setTimeout(onLate, left);
      const began = performance.now();
      try {
        const chunk = await input.readChunk();
        left = Math.min(most, Math.max(0, left - (performance.now() - began)) + ((chunk?.length ?? 0) / rate) * 1000);
        return chunk;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
