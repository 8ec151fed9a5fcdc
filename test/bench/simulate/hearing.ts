/** What a process costs that only hears of what others do: at rest, and for each change that its streams tell. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../../kit/log.ts';
import { processorTime } from './acts.ts';
import type { FigureName } from './figures.ts';

const SECONDS = 10;
/** So long without a change, ms, and all were told. */
const QUIET = 3_000;
/** A delivery changes its mailbox, and then removes its operation from the journal. */
const EVENTS = 2;

export async function measureHearing(
  uri: string,
  say: (text: string) => void,
): Promise<Record<Extract<FigureName, 'cpu.rest' | 'cpu.foreign'>, number>> {
  say('a process at rest, and one that hears of changes of another');
  let events = 0;
  const store = await openMongoStore({
    uri,
    log: quietLog,
    observe: (client) =>
      client.on('commandSucceeded', ({ reply }) => {
        const { cursor } = reply as { readonly cursor?: { readonly nextBatch?: readonly unknown[] } };
        events += cursor?.nextBatch?.length ?? 0;
      }),
  });
  /** Another process changes mailboxes for a while, and all of it is heard. */
  const hear = async (): Promise<void> => {
    const child = fork(new URL('./changer.ts', import.meta.url), [uri]);
    await once(child, 'message');
    await delay(SECONDS * 1000);
    child.send('stop');
    await once(child, 'exit');
    for (let before = -1; before !== events; ) {
      before = events;
      await delay(QUIET);
    }
  };
  try {
    await hear();
    const rest = await processorTime(SECONDS, () => delay(SECONDS * 1000));
    const [before, began] = [events, performance.now()];
    const busy = await processorTime(1, hear);
    const heard = events - before;
    const own = Math.max(0, busy - (rest * (performance.now() - began)) / 1000);
    say(`    ${rest.toFixed(1)} ms in a second at rest; ${heard} changes: ${own.toFixed(0)} ms more`);
    return { 'cpu.rest': rest, 'cpu.foreign': (EVENTS * own) / Math.max(1, heard) };
  } finally {
    await store.close();
  }
}
