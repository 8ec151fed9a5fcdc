/**
 * Loaded into Posthorn before its own code (`--import`), only by the bench: sends each client of the UNIX socket
 * BENCH_PROBE the delays of the event loop since the last query. Its timer fires 100 times a second.
 */
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const path = process.env['BENCH_PROBE'];
// Workers and other processes of the server get the same options.
if (isMainThread && path !== undefined) {
  delete process.env['BENCH_PROBE'];
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify({ p99: delays.percentile(99) / 1e6 }));
    delays.reset();
  });
  server.on('error', () => {});
  server.listen(path).unref();
}
