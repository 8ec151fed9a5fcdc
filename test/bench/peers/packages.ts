/** Installs missing peers, without starting any of them. */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** One program of each package, whose presence shows that it is installed. */
const PACKAGES: Readonly<Record<string, string>> = {
  postfix: '/usr/sbin/postfix',
  'dovecot-core': '/usr/sbin/dovecot',
  'dovecot-imapd': '/usr/lib/dovecot/imap',
  'dovecot-pop3d': '/usr/lib/dovecot/pop3',
  bind9: '/usr/sbin/named',
  'bind9-dnsutils': '/usr/bin/dig',
};
/** invoke-rc.d runs this file before it starts a daemon; 101 forbids the start. */
const POLICY = '/usr/sbin/policy-rc.d';

function apt(...args: readonly string[]): void {
  const done = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.error !== undefined) throw new Error(`npm run bench:peers needs Debian: ${done.error.message}`);
  if (done.status !== 0) throw new Error(`apt-get ${args.join(' ')} failed`);
}

export function installPeers(say: (text: string) => void): void {
  const missing = Object.keys(PACKAGES).filter((name) => !existsSync(PACKAGES[name] ?? ''));
  if (process.getuid?.() !== 0)
    throw new Error('npm run bench:peers must be run as root: Postfix and Dovecot change to users of their own');
  if (missing.length === 0) return;
  say(`installing ${missing.join(' ')}`);
  const ours = !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    apt('update', '-q');
    apt('install', '-y', '-q', '--no-install-recommends', ...missing);
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}
