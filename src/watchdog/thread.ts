/**
 * The watchdog's thread: checks the main thread's heartbeat every second, and acts if the event loop has been blocked
 * too long. Other modules are loaded only then, because the thread uses memory all the time.
 */
import { workerData } from 'node:worker_threads';
import { giveMemoryBack } from '../memory.ts';
import { readRunning } from '../running.ts';
import { BEATS, DEBUGGER } from './heartbeat.ts';
import { LOOK_MS, StallDetector } from './stall.ts';
import type { WatchdogData } from './watchdog.ts';

const data = workerData as WatchdogData;
const heartbeat = new Int32Array(data.heartbeat);

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
    if (stood === null) return;
    clearInterval(timer);
    end(stood, beats).catch(() => process.kill(process.pid, 'SIGKILL'));
  }, LOOK_MS);
}

async function end(stood: number, beats: number): Promise<void> {
  const { endProcess } = await import('./end-process.ts');
  await endProcess(data, stood, () => Atomics.load(heartbeat, BEATS) !== beats);
  watch();
}

watch();
giveMemoryBack();
