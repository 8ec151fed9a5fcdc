/** Opens the store that `mail_store` names: SQLite in the data folder, or a MongoDB database. */
import type { Log } from '../log.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { ownVersion } from '../version.ts';

export interface StorePlace {
  /** `sqlite`, or the URI of a MongoDB database (`mail_store`). */
  readonly mailStore: string;
  /** Where an SQLite store is. */
  readonly dataDirectory: string;
}

interface Opening {
  readonly log: Log;
  readonly clock?: () => number;
  /** The store has stopped for good: the process should end. */
  readonly onFatal?: (error: Error) => void;
  /** Hears what takes long. */
  readonly progress?: (text: string) => void;
  /** How long a database is waited for that cannot be reached, ms; by default not at all. */
  readonly patience?: number;
}

/** Whether several processes may use the store at the same time. */
export const isShared = (mailStore: string): boolean => /^mongodb(\+srv)?:\/\//.test(mailStore);

/**
 * Rejects with a message for the operator: what, where, what to do; with StoreUnavailableError if it may work later.
 */
export async function openStore(
  { mailStore, dataDirectory }: StorePlace,
  { onFatal, progress, patience = 0, ...options }: Opening,
): Promise<Store> {
  if (!isShared(mailStore))
    return openSqliteStore({ directory: dataDirectory, ...options, ...(onFatal === undefined ? {} : { onFatal }) });
  // Whoever does not use it does not load it.
  const { openMongoStore } = await import('../store/backend/mongodb/open.ts');
  return openMongoStore({
    uri: mailStore,
    version: ownVersion(),
    patience,
    ...options,
    ...(progress === undefined ? {} : { progress }),
  });
}
