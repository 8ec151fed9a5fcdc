/**
 * The watchdog's thread: checks the main thread's heartbeat every second, and acts if the event loop has been blocked
 * too long. Other modules are loaded only then, because the thread uses memory all the time.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { giveMemoryBack } from '../memory.ts';
import { readRunning } from '../running.ts';
import { clearBlocked, writeBlocked } from './blocked.ts';
import { BEATS, DEBUGGER } from './heartbeat.ts';
import { LOOK_MS, StallDetector } from './stall.ts';
import type { WatchdogData, Watched } from './watchdog.ts';

/** A pause of the garbage collector is not worth a word, ms. */
const TELL_AFTER_MS = 2_000;

const data = workerData as WatchdogData;
const heartbeat = new Int32Array(data.heartbeat);

/** The main thread's plugins, as it last said. */
let plugins: readonly Watched[] = [];
parentPort?.on('message', (facts: readonly Watched[]) => {
  plugins = facts;
});
parentPort?.unref();

let isTold = false;

/** For those who ask while the main thread cannot answer. `stood`: ms. */
function tell(stood: number): void {
  if (stood >= TELL_AFTER_MS === isTold) return;
  isTold = !isTold;
  const { dataDirectory } = data;
  const { plugin, awaited } = readRunning(data.running);
  if (isTold) writeBlocked(dataDirectory, { pid: process.pid, since: Date.now() - stood, running: plugin ?? awaited });
  else clearBlocked(dataDirectory);
}

function watch(): void {
  const detector = new StallDetector(performance.now(), Atomics.load(heartbeat, BEATS));
  const timer = setInterval(() => {
    const beats = Atomics.load(heartbeat, BEATS);
    const { plugin, longWork } = readRunning(data.running);
    const stood = detector.look(performance.now(), {
      beats,
      plugin: plugin !== null,
      longWork,
      debugger: Atomics.load(heartbeat, DEBUGGER) > 0,
    });
    tell(detector.stood);
    if (stood === null) return;
    clearInterval(timer);
    end(stood, beats).catch(() => process.kill(process.pid, 'SIGKILL'));
  }, LOOK_MS);
}

async function end(stood: number, beats: number): Promise<void> {
  const { endProcess } = await import('./end-process.ts');
  await endProcess({ ...data, plugins }, stood, () => Atomics.load(heartbeat, BEATS) !== beats);
  watch();
}

watch();
giveMemoryBack();
