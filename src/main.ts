/** The process's entry, called by bin/posthorn.js once Node's version is known to do. */
import { basename } from 'node:path';
import { run } from './cli/program.ts';

await run(basename(process.argv[1] ?? 'posthorn'), process.argv.slice(2));
