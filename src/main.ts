/** The process's entry, called by bin/posthorn.js once Node's version is known to do. */
import { basename } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { run } from './cli/program.ts';

// An operator's pattern that would backtrack without end goes over to V8's linear engine instead of stopping the event loop.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

await run(basename(process.argv[1] ?? 'posthorn'), process.argv.slice(2));
