/** How long one restriction waits for DNS: a slow name server of a stranger's must not hold a session for long. */
import { ResolveError } from '../../src/bus/plugin.ts';

/** All questions of one restriction together, in ms; well below the bus's deadline. @internal */
export const DNS_PATIENCE = 10_000;

/**
 * All restrictions of one command together, in ms; below the bus's deadline too. A stranger whose name servers are slow
 * for HELO, sender and recipient would else make this plugin fail, and failures in a row have everybody refused for a
 * while.
 */
export const LISTS_PATIENCE = 25_000;

/** The promise's value; a ResolveError `tempfail` when it is not there in time. */
export function inTime<T>(asked: Promise<T>, patience = DNS_PATIENCE): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ResolveError('tempfail', `no answer within ${Math.ceil(patience / 1000)} s`)),
      patience,
    );
    void asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
