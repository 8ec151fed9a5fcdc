/** Installs Haraka and its plugins, and the Debian packages of the servers that some of them ask. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installPackages } from '../kit/debian-packages.ts';

const FOLDER = fileURLToPath(new URL('packages', import.meta.url));

/** The globalSetup of vitest. */
export function setup(): void {
  installPackages('npm run test:haraka', ['bind9', 'bind9-dnsutils', 'redis-server']);
  if (existsSync(`${FOLDER}/node_modules/Haraka`)) return;
  const done = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`npm ci in ${FOLDER} failed:\n${done.stderr}`);
}
