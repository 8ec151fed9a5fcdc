/** How long one restriction waits for DNS: a slow foreign name server must not delay a session for long. */
import { ResolveError } from '../../src/bus/plugin.ts';

/** Limit for all queries of one restriction together, in ms; well below the bus's deadline. */
export const DNS_PATIENCE = 10_000;

/**
 * Limit for all restrictions of one command together, in ms; also below the bus's deadline. Otherwise a client whose
 * name servers are slow for HELO, sender and recipient could make this plugin fail, and consecutive failures would
 * cause all clients to be refused for a while.
 */
export const LISTS_PATIENCE = 25_000;

/** The promise's value; a ResolveError `tempfail` if it is not there in time. */
export function inTime<T>(asked: Promise<T>, patience = DNS_PATIENCE): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ResolveError('tempfail', `no answer within ${Math.ceil(patience / 1000)} s`)),
      patience,
    );
    void asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
