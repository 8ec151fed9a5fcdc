/** After a start, and after much work, the process gives memory back to the system as soon as it is quiet. */
import { giveMemoryBack } from '../memory.ts';
import { measureLoad } from './event-loop.ts';

const LOOK_EVERY_MS = 1_500;
/** Parts of a core: above the one there was work, below the other there is none. */
const BUSY = 0.2;
const QUIET = 0.02;

/** The result stops it. */
export function restWhenQuiet(): () => void {
  let worked = true;
  const load = measureLoad();
  const timer = setInterval(() => {
    const part = load();
    if (part > BUSY) worked = true;
    if (!worked || part > QUIET) return;
    worked = false;
    giveMemoryBack();
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
