#!/usr/bin/env node
// The way in. Plain JavaScript, so that a Node that is too old for the rest can still say so.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `posthorn needs Node 24.12 or newer; this is ${process.versions.node}.\n` +
      'In a checkout, "npm ci" brings a Node of its own and "npm start" uses it; else install Node 24 (LTS).',
  );
  process.exit(1);
}

// A checkout and the image run the sources; what npm installs is JavaScript (Node strips no types under node_modules).
const sources = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/src/main.js', import.meta.url);
const { compileCache } = await import('./runtime.js');
if (process.argv[2] === 'start' && existsSync(sources) && compileCache !== undefined && readdirSync(compileCache).length === 0) {
  spawnSync(process.execPath, [fileURLToPath(new URL('./warm.js', import.meta.url))], { stdio: 'ignore', timeout: 30_000 });
}
await import((existsSync(sources) ? sources : built).href);
