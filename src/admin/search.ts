/** The texts for SEARCH: how far they are, and making them anew. */

import { messageOf } from '../errors.ts';
import { SearchPreparation } from '../store/search-preparation.ts';
import { type AdminServices, type Operation, OperationError } from './operation.ts';

/** Messages prepared between two reports of progress. */
const BATCH = 50;

/** A running server does it when it has nothing else to do; without one there is nobody to wait. */
async function prepareAll({ store, progress }: AdminServices): Promise<void> {
  const { messages } = await store.mailboxes.searchProgress();
  const unreadable: unknown[] = [];
  const preparation = new SearchPreparation(store, (error) => unreadable.push(error));
  progress(0, messages);
  for (let done = 0, count = BATCH; count === BATCH; progress(done, messages)) {
    count = await preparation.next(BATCH);
    done += count;
  }
  if (unreadable.length > 0)
    throw new OperationError(
      `${unreadable.length} of ${messages} messages cannot be read from the store, the others are prepared: ${messageOf(unreadable[0])}`,
    );
}

export const searchOperations: Readonly<Record<string, Operation>> = {
  'search.status': (services) => services.store.mailboxes.searchProgress(),
  'search.rebuild': async (services) => {
    await services.store.mailboxes.discardSearchTexts();
    if (services.server === null) await prepareAll(services);
    return services.store.mailboxes.searchProgress();
  },
};
