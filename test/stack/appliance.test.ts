/**
 * The scripts of docker/, without an image: the step that compiles, and the entry on a volume that cannot be written.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let folder: string;
beforeAll(() => {
  folder = temporaryFolder('appliance');
});
afterAll(() => removeFolder(folder));

function run(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
): { status: number | null; out: string; err: string } {
  const path = fileURLToPath(new URL(`../../docker/${script}`, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, out: stdout, err: stderr };
}

it('compiling every module creates no key and no certificate', () => {
  const { status, out, err } = run('compile.js', [], { NODE_COMPILE_CACHE: join(folder, 'cache') });
  expect(status).toBe(0);
  expect(`${out}${err}`).not.toMatch(/PRIVATE KEY|CERTIFICATE/);
  expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it('a configuration volume that is not writable gives one line with the remedy, and EX_CANTCREAT', () => {
  const volume = join(folder, 'volume');
  writeFileSync(volume, 'no folder, so that not even root can write there');
  const { status, out, err } = run('entrypoint.js', ['start'], { POSTHORN_CONFIG: volume });
  expect({ status, out }).toEqual({ status: 73, out: '' });
  expect(err).toMatch(
    /^posthorn: .*volume has no main\.cf, and user \d+ cannot put the shipped one there \(\w+\); .*put your own main\.cf into it.*\n$/,
  );
});
