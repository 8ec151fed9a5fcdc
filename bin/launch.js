// Which Node runs Posthorn: the one that was called where it is new enough, otherwise the one that "npm ci"
// brought. Plain JavaScript for Node 14 and later, so that a Node that is too old for the rest can still say so.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Set in the process that was started for the sake of its Node, which starts no other. */
const STARTED = 'POSTHORN_NODE_STARTED';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];
/** Those that a terminal's keys send to every process of the foreground by itself. */
const KEYS = ['SIGINT', 'SIGQUIT'];

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 12);
}

/** The path of the npm package "node", where it is installed beside Posthorn and new enough. */
function installedNode() {
  try {
    const file = createRequire(import.meta.url).resolve('node/package.json');
    const { version, bin } = createRequire(import.meta.url)(file);
    const path = join(dirname(file), bin.node);
    return isNewEnough(version) && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Resolves where this Node will do. Otherwise the same command runs in a Node that does, with the same
 * arguments, options, environment and standard streams; signals are passed on, and this process ends as that
 * one ends. Without such a Node: a message and exit code 1.
 */
export function findNode() {
  const started = STARTED in process.env;
  delete process.env[STARTED];
  if (isNewEnough(process.versions.node)) return Promise.resolve();
  const node = started ? undefined : installedNode();
  if (node === undefined) {
    console.error(
      `posthorn needs Node 24.12 or newer; this is ${process.versions.node} (${process.execPath}).\n` +
        'In a checkout "npm ci" brings one, which is then used by itself; otherwise install Node 24 (LTS).',
    );
    process.exit(1);
  }
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [STARTED]: '1' },
  });
  const onTerminal = process.stdin.isTTY === true;
  for (const signal of SIGNALS) process.on(signal, () => (onTerminal && KEYS.includes(signal)) || child.kill(signal));
  child.on('error', (error) => {
    console.error(`posthorn: ${node} cannot be started (${error.message}); "npm ci" installs it again`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
  return new Promise(() => {});
}
