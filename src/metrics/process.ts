/** What every process can say of itself, under the names that Prometheus' client libraries use. */
import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Family } from '../counter.ts';

type Measured = readonly [name: string, help: string, type: Family['type'], value: number];

/** ms. */
const RESOLUTION = 20;

export function processFamilies(): Family[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const rows: readonly Measured[] = [
    ['process_cpu_seconds_total', 'User and system CPU time.', 'counter', (user + system) / 1e6],
    ['process_resident_memory_bytes', 'Resident memory.', 'gauge', rss],
    ['process_open_fds', 'Open file descriptors.', 'gauge', openDescriptors()],
    ['nodejs_heap_size_used_bytes', 'Heap of the main thread in use.', 'gauge', heapUsed],
  ];
  return [
    ...rows.map(([name, help, type, value]) => ({ name, help, type, across: 'sum' as const, samples: only(value) })),
    {
      name: 'process_start_time_seconds',
      help: 'When the process started, in seconds since 1970; of several, the last one.',
      type: 'gauge',
      across: 'max',
      samples: only(Math.round(Date.now() / 1000 - process.uptime())),
    },
  ];
}

/** How late timers are, which is how long everything waits. Measures from the first call on. */
export class EventLoopDelay {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | null = null;

  /** Since the previous call. */
  get families(): Family[] {
    if (this.#histogram === null) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
      this.#histogram.enable();
      return [];
    }
    const histogram = this.#histogram;
    // It has the whole time between two timers, in nanoseconds.
    const late = (nanoseconds: number): number =>
      Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1e3) : 0;
    const measured = [
      ['p50', 'The event loop was less late than this half the time', histogram.percentile(50)],
      ['p99', 'The event loop was less late than this in 99 of 100 cases', histogram.percentile(99)],
      ['max', 'The longest delay of the event loop', histogram.count === 0 ? 0 : histogram.max],
    ] as const;
    histogram.reset();
    return measured.map(([which, words, value]) => ({
      name: `nodejs_eventloop_lag_${which}_seconds`,
      help: `${words} since the previous scrape.`,
      type: 'gauge',
      across: 'max',
      samples: only(late(value)),
    }));
  }

  stop(): void {
    this.#histogram?.disable();
    this.#histogram = null;
  }
}

const only = (value: number): Family['samples'] => [{ suffix: '', labels: {}, value }];

/** 0 where the system does not say. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
