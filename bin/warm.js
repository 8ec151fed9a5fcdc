// Fills the compile cache, in a process of its own: a server that once has loaded the compiler keeps its
// 20 MB in each thread. Imports what a server imports, and ends.
import './runtime.js';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const plugins = readdirSync(new URL('../plugins', import.meta.url)).map((name) => `plugins/${name}/index.ts`);
process.argv.splice(1, Number.POSITIVE_INFINITY, 'posthorn', '--help');
// A faulty plugin is told by the start itself.
await Promise.allSettled(
  ['src/main.ts', 'src/app/start-server.ts', 'src/watchdog/end-process.ts', ...plugins].map(
    (entry) => import(new URL(`../${entry}`, import.meta.url).href),
  ),
);
// The workers have nothing to open and end at once: they are compiled by then.
for (const name of ['writer', 'reader'])
  new Worker(new URL(`../src/store/backend/sqlite/${name}/${name}.ts`, import.meta.url), { workerData: {} }).on(
    'error',
    () => {},
  );
new Worker(new URL('../src/watchdog/thread.ts', import.meta.url), { workerData: {} }).on('error', () => {});
