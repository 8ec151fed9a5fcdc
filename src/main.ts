/** The entry point of the process, called by bin/posthorn.js after checking the version of Node. */
import { basename } from 'node:path';
import { run } from './cli/program.ts';

await run(basename(process.argv[1] ?? 'posthorn'), process.argv.slice(2));
