#!/usr/bin/env node
// The way in. Plain JavaScript, so that a Node that is too old for the rest can still say so.
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(
    `posthorn needs Node 24.12 or newer; this is ${process.versions.node}.\n` +
      'In a checkout, "npm ci" brings a Node of its own and "npm start" uses it; else install Node 24 (LTS).',
  );
  process.exit(1);
}

// Stripping types costs a compiler in every thread (20 MB each); the compile cache keeps its result,
// so that only the first start pays. Worker threads learn of it by the environment. It is code: never
// in a folder that others may write to.
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'posthorn');
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);

// A checkout and the image run the sources; what npm installs is JavaScript (Node strips no types under node_modules).
const sources = new URL('../src/main.ts', import.meta.url);
const built = new URL('../dist/src/main.js', import.meta.url);
await import((existsSync(sources) ? sources : built).href);
