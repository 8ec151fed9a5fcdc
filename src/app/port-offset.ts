/** Ports below 1024 belong to root: where they may not be bound, every port moves up by 10000. */
import { createServer } from 'node:net';

export const SHIFTED = 10_000;

/** 0, or SHIFTED where the system refuses a low port to this process. A port that is only in use counts as allowed. */
export function choosePortOffset(address: string): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? SHIFTED : 0));
    probe.listen({ host: address, port: 25 }, () => probe.close(() => resolve(0)));
  });
}
