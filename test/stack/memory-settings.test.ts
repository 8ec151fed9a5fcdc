/** A started server has the settings of bin/memory-settings.js, or those that the operator chose. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';

let folder: string;
beforeAll(() => {
  folder = temporaryFolder('memory');
});
afterAll(() => removeFolder(folder));

/** Variables and options of a server that was started with these variables. */
async function started(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const port = String(await freeOffset());
  const server = launch(['start', '--data', join(folder, port), '--port-offset', port], environment);
  await server.shows(/First account: /);
  const words = (name: string): string[] => readFileSync(`/proc/${server.pid}/${name}`, 'latin1').split('\0');
  const found = [...words('environ'), ...words('cmdline')].filter((word) => /^MALLOC_|^--max/.test(word));
  server.child.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  expect(server.stderr()).not.toContain('Warning');
  return found.sort();
}

it.runIf(process.platform === 'linux')('a server begins with settings that bound its memory', async () => {
  expect(await started({})).toEqual([
    '--max-semi-space-size=16',
    'MALLOC_ARENA_MAX=2',
    'MALLOC_MMAP_THRESHOLD_=262144',
    'MALLOC_TRIM_THRESHOLD_=1048576',
  ]);
});

it.runIf(process.platform === 'linux')('what the operator has set stays', async () => {
  const own = { MALLOC_ARENA_MAX: '4', NODE_OPTIONS: '--max-semi-space-size=8' };
  expect(await started(own)).toEqual([
    'MALLOC_ARENA_MAX=4',
    'MALLOC_MMAP_THRESHOLD_=262144',
    'MALLOC_TRIM_THRESHOLD_=1048576',
  ]);
});
