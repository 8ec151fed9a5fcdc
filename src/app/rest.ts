/** After a start, and after a storm, the house gives its memory back as soon as it is quiet. */
import { performance } from 'node:perf_hooks';
import { giveMemoryBack } from '../memory.ts';

const LOOK_EVERY_MS = 1_500;
/** Parts of a core: above the one there was work, below the other there is none. */
const BUSY = 0.2;
const QUIET = 0.02;

/** The result stops it. */
export function restWhenQuiet(): () => void {
  let worked = true;
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization > BUSY) worked = true;
    if (!worked || utilization > QUIET) return;
    worked = false;
    giveMemoryBack();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
