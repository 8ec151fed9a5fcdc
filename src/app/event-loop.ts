/** How busy the event loop is, as a part of one core. */
import { performance } from 'node:perf_hooks';

/** Each call measures the time since the last one: 0 (idle) up to 1. */
export function measureLoad(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
