/**
 * Ends a process whose event loop is stuck: records which plugin was running and the main thread's stack, then does
 * what `ending.ts` decides. Every wait is bounded: neither a full disk nor a stopped terminal can block it.
 */
import { appendFile, write } from 'node:fs';
import { dirname, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BUILT_IN_PLUGINS } from '../bus/built-in.ts';
import { addLeftOut } from '../bus/left-out.ts';
import { formatLine } from '../log.ts';
import { type Running, readRunning } from '../running.ts';
import { decideEnding, type Ending, RESTARTS, STALLED } from './ending.ts';
import { STOPPING } from './heartbeat.ts';
import { MainThread } from './main-thread.ts';
import type { WatchdogData, Watched } from './watchdog.ts';

/** Time limits for stopping the main thread, writing a line, and ending the process, ms. */
const STOP_WITHIN_MS = 5_000;
const WRITE_WITHIN_MS = 1_000;
const END_WITHIN_MS = 5_000;

/** Returns only if the main thread has recovered meanwhile, according to `recovered`. `stood`: ms. */
export async function endProcess(data: WatchdogData & Plugins, stood: number, recovered: () => boolean): Promise<void> {
  const running = readRunning(data.running);
  const standing = `watchdog: the event loop was blocked for ${Math.round(stood / 1_000)} s${where(running)}`;
  const main = new MainThread();
  const stack = await Promise.race([main.stopped, delay(STOP_WITHIN_MS, null)]);
  if (stack === null && !recovered()) {
    const next = leftOutWords(leaveOut(data, running, []));
    await report(
      data,
      `${standing}; ending with SIGKILL, for a supervisor: it is in native code, so there is no stack${next}`,
      {
        running: running.plugin ?? running.awaited,
      },
    );
    process.kill(process.pid, 'SIGKILL');
  }
  // Still here after a SIGKILL: process 1 of a container cannot kill itself. It may still leave its native code.
  const frames = await main.stopped;
  if (recovered()) {
    main.release();
    return report(data, `${standing} and goes on`, { running: running.plugin ?? running.awaited });
  }
  const stopping = Atomics.load(new Int32Array(data.heartbeat), STOPPING) > 0;
  const ending = decideEnding({
    mode: data.mode,
    stopping,
    gaveUpRoot: data.gaveUpRoot,
    restarts: data.restarts,
    now: Date.now(),
  });
  const next = leftOutWords(leaveOut(data, running, frames));
  await report(data, `${standing}; ${ending.words}${next}; the main thread is in ${frames.join(' < ')}`, {
    running: running.plugin ?? running.awaited,
    stack: frames,
  });
  // If the first returns, it failed.
  for (const expression of expressions(ending, data)) await Promise.race([main.run(expression), delay(END_WITHIN_MS)]);
  process.kill(process.pid, 'SIGKILL');
}

const leftOutWords = (plugin: string | null): string =>
  plugin === null
    ? ''
    : `; plugin ${plugin} is left out until "posthorn reload": mend it, or set "worker": true in its configuration`;

interface Plugins {
  readonly plugins: readonly Watched[];
}

/**
 * Notes the plugin that blocked the main thread, so that the next start leaves it out. One that only has not answered
 * counts if the stack is in its files. Returns its name, or null: a
 * plugin of the server itself is never left out.
 */
function leaveOut(
  { plugins, dataDirectory }: WatchdogData & Plugins,
  running: Running,
  frames: readonly string[],
): string | null {
  const called = /^plugin (?<name>.*), (?<what>.*)$/s.exec(running.plugin ?? running.awaited ?? '')?.groups;
  const facts = plugins.find(({ name }) => name === called?.['name']);
  const file = facts?.file;
  if (called === undefined || facts === undefined || typeof file !== 'string') return null;
  // Without the server's own rules there would be no mail at all until somebody comes.
  if (file.startsWith(`${BUILT_IN_PLUGINS}${sep}`)) return null;
  if (running.plugin === null && !frames.some((frame) => frame.includes(`(${dirname(file)}/`))) return null;
  const entry = { ...facts, running: called['what'] ?? '', at: Date.now() };
  try {
    addLeftOut(dataDirectory, entry);
    return facts.name;
  } catch {
    // A full disk: it may block again.
    return null;
  }
}

function where({ plugin, awaited }: Running): string {
  if (plugin !== null) return ` in ${plugin}`;
  return awaited === null ? '' : `, while ${awaited} had not answered`;
}

/** The expressions for the main thread to run, in order. */
function expressions(ending: Ending, { program }: WatchdogData): string[] {
  const exit = `process.reallyExit(${STALLED})`;
  if (ending.kind === 'exit') return [exit];
  const [file, args, restarts] = [program.file, program.args, ending.restarts].map((value) => JSON.stringify(value));
  return [`process.execve(${file}, ${args}, { ...process.env, ${RESTARTS}: ${restarts} })`, exit];
}

/** To the log file as JSON and to standard error as text. */
async function report(data: WatchdogData, message: string, fields: object): Promise<void> {
  const now = new Date();
  const entry = { level: 'error', time: now.toISOString(), pid: process.pid, host: data.host, ...fields, msg: message };
  const line = formatLine({
    time: now.getTime(),
    level: 'error',
    host: data.host,
    process: 'posthorn',
    pid: process.pid,
    message,
  });
  const written = Promise.all([
    new Promise((resolve) => appendFile(data.logFile, `${JSON.stringify(entry)}\n`, resolve)),
    new Promise((resolve) => write(2, `${line}\n`, resolve)),
  ]);
  await Promise.race([written, delay(WRITE_WITHIN_MS)]);
}
