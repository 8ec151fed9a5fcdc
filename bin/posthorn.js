#!/usr/bin/env node
// The way in. Plain JavaScript, so that a Node that is too old for the rest can still say so.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findNode } from './launch.js';
import { beginWithMemorySettings } from './memory-settings.js';

await findNode();
if (process.argv[2] === 'start') beginWithMemorySettings();

// A checkout and the image run the sources; what npm installs is JavaScript (Node strips no types under node_modules).
const sources = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/src/main.js', import.meta.url);
const { compileCache } = await import('./runtime.js');
if (
  process.argv[2] === 'start' &&
  existsSync(sources) &&
  compileCache !== undefined &&
  readdirSync(compileCache).length === 0
) {
  spawnSync(process.execPath, [fileURLToPath(new URL('./warm.js', import.meta.url))], {
    stdio: 'ignore',
    timeout: 30_000,
  });
}
await import((existsSync(sources) ? sources : built).href);
