/**
 * Migrates a database file to the schema of this program: numbered migrations, each in its own transaction.
 *
 * `user_version` counts the applied migrations; `application_id` tells our file from another program's.
 * A file with more migrations than we know was written by a newer Posthorn and is refused, unchanged.
 */
import type { Database } from '../database.ts';
import { INITIAL } from './migrations/0001-initial.ts';
import { KEPT } from './migrations/0002-kept.ts';
import { ITEM_SENDER } from './migrations/0003-item-sender.ts';
import { PROBE_RESULT } from './migrations/0004-probe-result.ts';
import { ITEM_CLIENT } from './migrations/0005-item-client.ts';
import { PLUGIN_STATE } from './migrations/0006-plugin-state.ts';
import { FORWARDING } from './migrations/0007-forwarding.ts';
import { ITEM_REPORTS } from './migrations/0008-item-reports.ts';

/** 'Post' */
const APPLICATION_ID = 0x506f7374;

/** In order; a migration is never changed after its release. @internal */
export const MIGRATIONS: readonly string[] = [
  INITIAL,
  KEPT,
  ITEM_SENDER,
  PROBE_RESULT,
  ITEM_CLIENT,
  PLUGIN_STATE,
  FORWARDING,
  ITEM_REPORTS,
];

/** `path` is used in error messages only. */
export function migrate(db: Database, path: string, migrations: readonly string[] = MIGRATIONS): void {
  const version = knownVersion(db, path, migrations.length);
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(sql);
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1}`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw new Error(`${path}: migration ${index + 1} of the store failed; nothing was changed`, { cause: error });
    }
  }
}

/** For a file that is only read. Throws where it would have to be migrated first. */
export function requireCurrent(db: Database, path: string): void {
  const version = knownVersion(db, path, MIGRATIONS.length);
  if (version < MIGRATIONS.length)
    throw new Error(
      `${path}: the store was written by an older Posthorn (schema ${version} instead of ${MIGRATIONS.length}); start this one on it once`,
    );
}

/** Throws if the file is another program's, or of a later version. */
function knownVersion(db: Database, path: string, latest: number): number {
  const version = db.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0;
  const application = db.get<{ application_id: number }>('PRAGMA application_id')?.application_id ?? 0;
  const tables = db.get<{ n: number }>('SELECT count(*) AS n FROM sqlite_schema')?.n ?? 0;
  if (application !== APPLICATION_ID && (tables > 0 || version > 0)) {
    throw new Error(
      `${path}: this SQLite file belongs to another program (application_id ${application}); choose another directory for the store`,
    );
  }
  if (version > latest) {
    throw new Error(
      `${path}: the store was written by a newer Posthorn (schema ${version}, this one knows ${latest}); start that version, or restore a backup made before it`,
    );
  }
  return version;
}
