/** `postfix` (postfix(1)): starts, stops and checks the server in the words of postfix-script. Requirement P4. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { callServer, NoServerError } from '../../admin/socket.ts';
import type { ServerStatus } from '../../app/status.ts';
import { formatFault } from '../../config/fault.ts';
import { ownValue } from '../../own-value.ts';
import type { PlaceOptions } from '../place.ts';
import { type Call, type NamedCommand, warn } from './command.ts';
import { rotateLogs } from './log-rotation.ts';
import { flush } from './postqueue.ts';

export const postfix: NamedCommand = {
  letters: 'c:Dv',
  folder: 'c',
  usage: 'postfix [-c config_dir] [-Dv] command',
  failure: 1,
  async run(call) {
    const [word = ''] = call.operands;
    const act = ownValue(ACTS, word);
    if (act !== undefined) return act(call);
    const [first, ...others] = Object.keys(ACTS);
    return say(`fatal: unknown command: '${word}'. Usage: postfix ${first} (or ${others.join(', ')})`, 1);
  },
};

/** How long a start and a stop may take, ms. */
const PATIENCE = 90_000;
const LOOK_EVERY = 100;

const ACTS: Readonly<Record<string, (call: Call) => Promise<number>>> = {
  start: ({ where }) => start(where),
  stop: ({ where }) => stop(where, 'stopping'),
  reload: ({ where }) => reload(where),
  // Nothing that was acknowledged is lost however it ends; a stop is over in 10 s.
  abort: ({ where }) => stop(where, 'aborting'),
  flush: async (call) => {
    await flush(call, {});
    return 0;
  },
  check,
  status: async ({ where }) => {
    const pid = await runningPid(where);
    return pid === null
      ? say('the Postfix mail system is not running', 1)
      : say(`the Postfix mail system is running: PID: ${pid}`, 0);
  },
  'set-permissions': async () => say('not needed: the server makes its files itself', 0),
  'upgrade-configuration': async () => say('not needed: no setting is ever written for you', 0),
  logrotate: async ({ where }) => {
    for (const old of await rotateLogs(where)) console.error(`postfix/postfix-script: the log is now ${old}`);
    return 0;
  },
};

/** Returns the exit code. */
function say(text: string, code: number): number {
  console.error(`postfix/postfix-script: ${text}`);
  return code;
}

/** Null if no server is running. */
async function runningPid({ data }: PlaceOptions): Promise<number | null> {
  try {
    return ((await callServer(data, 'server.status', {})) as ServerStatus).pid;
  } catch (error) {
    if (error instanceof NoServerError) return null;
    throw error;
  }
}

async function start(where: PlaceOptions): Promise<number> {
  if ((await runningPid(where)) !== null) return say('fatal: the Postfix mail system is already running', 1);
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-start-'));
  const [out, err] = ['out', 'err'].map((name) => join(folder, name)) as [string, string];
  const outputs = [out, err].map((path) => openSync(path, 'wx', 0o600));
  const read = (path: string): string => readFileSync(path, 'utf8');
  try {
    const words = ['start', '--quiet', '--config', where.config, '--data', where.data];
    const child = spawn(process.execPath, [realpathSync(process.argv[1] ?? ''), ...words], {
      detached: true,
      stdio: ['ignore', ...outputs],
    });
    child.unref();
    let ended = false;
    child.on('exit', () => {
      ended = true;
    });
    say('starting the Postfix mail system', 0);
    // A start prints what it has to say, the first password among it, when everything is open.
    await within(async () => ended || read(out) !== '');
    const isUp = !ended && read(out) !== '';
    process.stdout.write(read(out));
    process.stderr.write(read(err));
    return isUp ? 0 : say('fatal: mail system startup failed', 1);
  } finally {
    for (const output of outputs) closeSync(output);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function stop(where: PlaceOptions, word: 'stopping' | 'aborting'): Promise<number> {
  const pid = await runningPid(where);
  if (pid === null) return say('fatal: the Postfix mail system is not running', 1);
  say(`${word} the Postfix mail system`, 0);
  await callServer(where.data, 'server.stop', {});
  const isOver = await within(async () => !isAlive(pid));
  return isOver ? 0 : say(`fatal: process ${pid} does not end`, 1);
}

async function reload(where: PlaceOptions): Promise<number> {
  if ((await runningPid(where)) === null) return say('fatal: the Postfix mail system is not running', 1);
  say('refreshing the Postfix mail system', 0);
  const { notes } = (await callServer(where.data, 'server.reload', {})) as { readonly notes: readonly string[] };
  for (const note of notes) say(`warning: ${plain(note)}`, 0);
  return 0;
}

/** Some notes say themselves that they are warnings. */
const plain = (note: string): string => note.replace(/^warning: /, '');

async function check({ name, where }: Call): Promise<number> {
  const { checkConfiguration } = await import('../../app/check.ts');
  const { faults, notes } = await checkConfiguration(where.config, where.data);
  for (const note of notes) warn(name, plain(note));
  for (const fault of faults) console.error(`${name}: fatal: ${formatFault(fault)}`);
  return faults.length > 0 ? 1 : 0;
}

/** Whether it became true in time. */
async function within(isSo: () => Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await delay(LOOK_EVERY)) if (await isSo()) return true;
  return false;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return existsSync(`/proc/${pid}`);
  }
};
