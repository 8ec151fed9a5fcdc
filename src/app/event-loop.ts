/** The load of the event loop, as a fraction of one core. */
import { performance } from 'node:perf_hooks';

/** Each call returns the load since the previous one: 0 (idle) to 1. */
export function measureLoad(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
