/** Returns memory to the system after a start and after heavy load, as soon as the process is idle. */
import { giveMemoryBack } from '../memory.ts';
import { measureLoad } from './event-loop.ts';

const LOOK_EVERY_MS = 1_500;
/** Fractions of a core: above BUSY the process was working, below the other it is idle. */
const BUSY = 0.2;
const QUIET = 0.02;

/** Call the returned function to stop. `load`: of the time since the previous call. */
export function restWhenQuiet(load = measureLoad(), act = giveMemoryBack): () => void {
  let worked = true;
  const timer = setInterval(() => {
    const part = load();
    if (part > BUSY) worked = true;
    if (!worked || part > QUIET) return;
    worked = false;
    act();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
