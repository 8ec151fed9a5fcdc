/** Docker Compose takes the compose files. Debian's needs no engine for that. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT, textOf } from '../docs/project.ts';
import { ran } from './program.ts';

it.each(['compose.yaml', 'compose.mongodb.yaml'])('docker/%s is valid', async (name) => {
  // Debian's version is older than the name of a project.
  const input = textOf(`docker/${name}`).replace(/^name: .*\n/m, '');
  const read = await ran('docker-compose', ['--project-directory', join(ROOT, 'docker'), '-f', '-', 'config'], {
    input,
  });
  expect(read).toMatch(/^ {2}posthorn1?:$/m);
});
