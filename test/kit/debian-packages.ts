/**
 * Debian packages whose programs tests drive. Only what is missing is installed, and no daemon is started by that.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** invoke-rc.d runs this file before it starts a daemon; 101 forbids the start. */
const POLICY = '/usr/sbin/policy-rc.d';

/** Throws where this user may not install, and names the packages; `suite` is the command that needs them. */
export function installPackages(suite: string, packages: readonly string[]): void {
  const missing = missingPackages(suite, packages);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(`${suite} needs packages that only root may install: apt-get install ${missing.join(' ')}`);
  console.log(`installing ${missing.join(' ')}`);
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt(['update', '-q']);
    apt(['install', '-y', '-q', '--no-install-recommends', ...missing]);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}

function missingPackages(suite: string, packages: readonly string[]): string[] {
  const asked = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...packages], {
    encoding: 'utf8',
  });
  if (asked.error !== undefined)
    throw new Error(
      `${suite} needs Debian (dpkg-query: ${asked.error.message}), with the packages ${packages.join(' ')}`,
    );
  const installed = new Set(
    asked.stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  return packages.filter((name) => !installed.has(name));
}

function apt(args: readonly string[]): void {
  const done = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status !== 0)
    throw new Error(`apt-get ${args.join(' ')} failed:\n${done.stderr}${done.stdout.slice(-2000)}`);
}
