/**
 * A thread of a child that ends the whole process: when it takes too much memory, and when its parent is gone. The
 * child's own thread may be in a loop, or in one call of the engine that never returns.
 */
import { workerData } from 'node:worker_threads';

export interface Guarded {
  /** Its process number. */
  readonly parent: number;
  /** Beyond what the process takes now, octets. */
  readonly memory: number;
}

const LOOK_MS = 100;

const { parent, memory } = workerData as Guarded;
const most = process.memoryUsage.rss() + memory;

setInterval(() => {
  if (process.ppid !== parent || process.memoryUsage.rss() > most) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS);
