// A step of the image's build: compiles every module once, so that no start strips types (the compiler
// takes 20 MB in each thread). What is compiled is root's: the server, which is not, cannot change it.
import '../bin/runtime.js';
import { readdirSync } from 'node:fs';

// What main.ts does when it is imported.
process.argv.splice(1, Number.POSITIVE_INFINITY, 'posthorn', '--version');
for (const folder of ['plugins', 'src']) {
  const base = new URL(`../${folder}/`, import.meta.url);
  for (const file of readdirSync(base, { recursive: true })) {
    // A module that can do nothing here (a worker's entry, main.ts without a command) is compiled before it says so.
    if (file.endsWith('.ts')) await import(new URL(file, base).href).catch(() => {});
  }
}
// The one package that is imported only where it is needed and that a first start needs.
await import('selfsigned');
process.exit(0);
