/**
 * Installs the Debian packages whose programs the tests drive, before the first test. Only what is missing is
 * asked for, and no daemon is started by its installation. Where this user may not install, the error names them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

const PACKAGES = [
  'bind9',
  'bind9-dnsutils',
  'buildah',
  'ca-certificates',
  'curl',
  'debootstrap',
  'docker-compose',
  'dovecot-core',
  'dovecot-imapd',
  'fetchmail',
  'haproxy',
  'isync',
  'libauthen-sasl-perl',
  'libnet-ssleay-perl',
  'msmtp',
  'mutt',
  'perl',
  'postfix',
  'python3',
  's-nail',
  'swaks',
];

/** invoke-rc.d runs this file before it starts a daemon; 101 forbids the start. */
const POLICY = '/usr/sbin/policy-rc.d';

function missingPackages(): string[] {
  const asked = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...PACKAGES], {
    encoding: 'utf8',
  });
  if (asked.error !== undefined)
    throw new Error(
      `npm run test:interop needs Debian (dpkg-query: ${asked.error.message}), with the packages ${PACKAGES.join(' ')}`,
    );
  const installed = new Set(
    asked.stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  );
  return PACKAGES.filter((name) => !installed.has(name));
}

function apt(args: readonly string[]): void {
  const done = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status !== 0)
    throw new Error(`apt-get ${args.join(' ')} failed:\n${done.stderr}${done.stdout.slice(-2000)}`);
}

/** The globalSetup of vitest. */
export function setup(): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(
      `npm run test:interop needs packages that only root may install: apt-get install ${missing.join(' ')}`,
    );
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
