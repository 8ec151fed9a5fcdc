/** `posthorn store plan`: how a MongoDB store is spread over shards, and how much is in one that exists. */

import { isShared } from '../config/front-processes.ts';
import { requireConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import { INDEXES } from '../store/backend/mongodb/database/indexes.ts';
import { COLLECTIONS, keyText, OPERATIONS, REACHES, shardCommands } from '../store/backend/mongodb/plan.ts';
import { type DatabaseSizes, readSizes } from '../store/backend/mongodb/sizes.ts';

/** The database of the commands where none is named. */
const DATABASE = 'posthorn';

export interface StorePlan {
  readonly collections: readonly {
    readonly collection: string;
    readonly holds: string;
    /** As mongosh writes it; null: not sharded. */
    readonly key: string | null;
    readonly why: string;
  }[];
  /** For mongosh, in this order. */
  readonly commands: readonly string[];
  readonly indexes: readonly { readonly index: string; readonly key: string; readonly use: string }[];
  readonly operations: readonly {
    readonly operation: string;
    readonly about: string;
    readonly queries: readonly {
      readonly command: string;
      readonly collection: string;
      readonly index: string;
      /** A name of `reaches`. */
      readonly reach: string;
      readonly when?: string;
    }[];
  }[];
  readonly reaches: Readonly<Record<string, string>>;
  /** Null where no database was named. */
  readonly sizes: DatabaseSizes | null;
}

/** `database`: a URI; else the one of `mail_store`, if that is one. Rejects where it cannot be reached. */
export async function planStore(configDirectory: string, database: string | undefined): Promise<StorePlan> {
  const uri = database ?? (await configuredStore(configDirectory));
  if (database !== undefined && !isShared(database))
    throw new Error(`"${database}" is not a MongoDB database: write mongodb://HOST/DATABASE`);
  const sizes = uri !== undefined && isShared(uri) ? await readSizes(uri) : null;
  return {
    collections: COLLECTIONS.map(({ collection, holds, key, why }) => ({
      collection,
      holds,
      key: key === null ? null : keyText(key),
      why,
    })),
    commands: shardCommands(sizes?.database ?? DATABASE),
    indexes: INDEXES.map(({ collection, index, use }) => ({
      index: `${collection}.${index.name}`,
      key: keyText(index.key),
      use,
    })),
    operations: OPERATIONS,
    reaches: REACHES,
    sizes,
  };
}

async function configuredStore(directory: string): Promise<string> {
  const { configuration } = await requireConfiguration({ directory, ...thisMachine() });
  return configuration.parameters.string('mail_store');
}
