/**
 * Loaded into Posthorn before its own code (`--import`), only by the bench: sends each client of the UNIX socket
 * BENCH_PROBE the delays of the event loop since the last query. Its timer fires 100 times a second.
 *
 * Plain JavaScript: TypeScript this early, before there is a compile cache, would load a compiler into every thread,
 * and the bench would measure its 20 MB in each.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const INTERVAL_MS = 10;

const path = process.env.BENCH_PROBE;
// Workers and other processes of the server get the same options.
if (isMainThread && path !== undefined && process.argv[2] === 'start') {
  const delays = monitorEventLoopDelay({ resolution: INTERVAL_MS });
  delays.enable();
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    // What is recorded is the time between two timers: in a loop that is never late it is the interval.
    socket.end(JSON.stringify({ p99: Math.max(0, delays.percentile(99) / 1e6 - INTERVAL_MS) }));
    delays.reset();
  });
  server.on('error', () => {});
  // A start begins its process anew (bin/memory-settings.js): this may be the second time.
  rmSync(path, { force: true });
  server.listen(path).unref();
}
