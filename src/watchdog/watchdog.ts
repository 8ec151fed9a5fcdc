/**
 * The watchdog of `posthorn start`: a thread that ends the process if its event loop is stuck, for example because a
 * plugin never returns. Started once, when the start is complete.
 *
 * `POSTHORN_WATCHDOG=off` disables it; `exit` makes it end the process with its exit code instead of restarting it in
 * place. A process with a debugger attached is left alone.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PluginFacts } from '../bus/bus.ts';
import type { LeftOut } from '../bus/left-out.ts';
import { runningMemory } from '../running.ts';
import { clearBlocked } from './blocked.ts';
import { RESTARTS } from './ending.ts';
import { BEAT_MS, BEATS, DEBUGGER, heartbeat, STOPPING } from './heartbeat.ts';

export interface WatchdogOptions {
  /** The log's JSON file. */
  readonly logFile: string;
  /** The name of this machine in the log. */
  readonly host: string;
  readonly gaveUpRoot: boolean;
  readonly dataDirectory: string;
}

/** The data passed to its thread. */
export interface WatchdogData extends WatchdogOptions {
  readonly heartbeat: SharedArrayBuffer;
  readonly running: SharedArrayBuffer;
  readonly mode: 'restart' | 'exit';
  readonly restarts: string;
  /** The program that replaces this process. */
  readonly program: { readonly file: string; readonly args: readonly string[] };
}

/** What its thread knows of a plugin. */
export type Watched = Omit<LeftOut, 'running' | 'at'>;

const toWatch = ({ name, file, hooks, restrictions, policy }: PluginFacts): Watched => ({
  name,
  file,
  hooks,
  restrictions,
  onError: policy.onError,
});

const MODES = ['off', 'exit', 'restart'] as const;

/** The mode set by POSTHORN_WATCHDOG. Throws if it is not a valid value. */
export function watchdogMode(value = process.env['POSTHORN_WATCHDOG']): (typeof MODES)[number] {
  const mode = MODES.find((known) => known === (value ?? 'restart'));
  if (mode === undefined) throw new Error(`POSTHORN_WATCHDOG=${value}: expected ${MODES.join(', ')}`);
  return mode;
}

/** The server was asked to stop: if it gets stuck from now on, it is ended and not restarted. */
export const expectStop = (): void => void Atomics.store(heartbeat, STOPPING, 1);

/** `plugins`: those in use now; another list after a reload. */
export async function startWatchdog(
  mode: 'restart' | 'exit',
  options: WatchdogOptions,
  plugins: () => readonly PluginFacts[],
): Promise<void> {
  clearBlocked(options.dataDirectory);
  const { url } = await import('node:inspector');
  const beat = (): void => {
    Atomics.store(heartbeat, DEBUGGER, url() === undefined ? 0 : 1);
    Atomics.add(heartbeat, BEATS, 1);
  };
  beat();
  const data: WatchdogData = {
    ...options,
    mode,
    heartbeat: heartbeat.buffer,
    running: runningMemory(),
    restarts: process.env[RESTARTS] ?? '',
    program: { file: process.execPath, args: [process.execPath, ...process.execArgv, ...process.argv.slice(1)] },
  };
  const worker = new Worker(new URL(`./thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: data,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 1 },
  });
  worker.unref();
  let known: readonly PluginFacts[] | null = null;
  const tell = (): void => {
    const now = plugins();
    if (now === known) return;
    known = now;
    worker.postMessage(now.map(toWatch));
  };
  tell();
  setInterval(() => {
    beat();
    tell();
  }, BEAT_MS).unref();
  // Without the watchdog the server keeps working.
  worker.on('error', (error) => console.error(`the watchdog ended: ${error.message}`));
}
