/** The peak memory during an operation. */
import type { Program, Side } from './side.ts';

/** Interval of the samples, in ms. */
const INTERVAL = 250;

export async function watchMemory<T>(
  side: Side,
  programs: readonly Program[],
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly highest: number }> {
  let highest = side.memory(programs);
  const timer = setInterval(() => {
    highest = Math.max(highest, side.memory(programs));
  }, INTERVAL);
  try {
    return { result: await act(), highest: Math.max(highest, side.memory(programs)) };
  } finally {
    clearInterval(timer);
  }
}
