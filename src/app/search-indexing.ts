/**
 * Prepares the text for SEARCH BODY and TEXT of newly arrived messages: in idle time, one after another, without
 * delaying incoming mail. SEARCH itself reads messages that are not prepared yet.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { SearchPreparation } from '../store/search-preparation.ts';
import { type Store, StoreUnavailableError } from '../store/store.ts';
import { measureLoad } from './event-loop.ts';

/** How often to check for work, and the delay of the first check after the start, ms. */
const LOOK_EVERY_MS = 5_000;
const FIRST_LOOK_MS = 60_000;
/** Messages prepared between two looks at whether anybody waits. */
const BATCH = 10;
/** How long such a look takes, and above which fraction of a core somebody is served meanwhile. */
const QUIET_MS = 20;
const BUSY = 0.1;

/** The returned function stops it and waits for the current message. */
export function indexInIdleTime(store: Store, log: Log): () => Promise<void> {
  let stopped = false;
  let working: Promise<void> = Promise.resolve();
  const load = measureLoad();
  const complain = (error: unknown, then: string): void => {
    // The store logs itself that it is away.
    if (stopped || error instanceof StoreUnavailableError) return;
    log.warn({ err: error }, `search texts: ${messageOf(error)}${then}`);
  };
  const preparation = new SearchPreparation(store, (error) => complain(error, ''));

  /** Does nothing for a moment, so that whatever load there is comes from others. */
  const isQuiet = async (): Promise<boolean> => {
    load();
    await delay(QUIET_MS, undefined, { ref: false });
    return load() <= BUSY;
  };

  const work = async (): Promise<void> => {
    while (!stopped && (await isQuiet())) if ((await preparation.next(BATCH, () => stopped)) < BATCH) return;
  };

  const look = (): void => {
    working = working.then(work).catch((error: unknown) => complain(error, '; tried again later'));
    working.finally(() => {
      if (!stopped) timer = setTimeout(look, LOOK_EVERY_MS).unref();
    });
  };
  let timer = setTimeout(look, FIRST_LOOK_MS).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
    return working;
  };
}
