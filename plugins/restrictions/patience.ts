/** How long one restriction waits for DNS: a slow name server of a stranger's must not hold a session for long. */
import { ResolveError } from '../../src/bus/plugin.ts';

/** All questions of one restriction together, in ms; well below the bus's deadline. */
export const DNS_PATIENCE = 10_000;

/** The promise's value; a ResolveError `tempfail` when it is not there in time. */
export function inTime<T>(asked: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new ResolveError('tempfail', `no answer within ${DNS_PATIENCE / 1000} s`)), DNS_PATIENCE);
    void asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
