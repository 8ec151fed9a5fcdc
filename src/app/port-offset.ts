/** Ports below 1024 usually require root: if they cannot be bound, 10000 is added to every port. */
import { createServer } from 'node:net';

export const SHIFTED = 10_000;

/**
 * 0, or SHIFTED if the system does not let this process bind a low port. A port that is only in use counts as
 * permitted.
 */
export function choosePortOffset(address: string): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? SHIFTED : 0));
    probe.listen({ host: address, port: 25 }, () => probe.close(() => resolve(0)));
  });
}
