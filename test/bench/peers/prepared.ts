/**
 * Waits until Posthorn has prepared the texts of all messages for SEARCH, as it does in idle time: a mailbox that is
 * searched has usually been there for a while.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';

const LONGEST_MS = 5 * 60_000;

/** `say` hears how long it took. */
export async function textsPrepared(dataFolder: string, say: (text: string) => void): Promise<void> {
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 1000);
  while (left(dataFolder) > 0) {
    if (performance.now() - began > LONGEST_MS) {
      say(`${left(dataFolder)} messages are not prepared for SEARCH after ${seconds()} s: they are read`);
      return;
    }
    await delay(1_000);
  }
  say(`texts prepared for SEARCH after ${seconds()} s`);
}

/** Messages whose text is not prepared. */
function left(dataFolder: string): number {
  const search = join(dataFolder, 'search.sqlite');
  const contents = ids(join(dataFolder, 'store.sqlite'), 'SELECT id FROM content WHERE refs > 0 AND local = 1');
  if (!existsSync(search)) return contents.size;
  const prepared = ids(search, 'SELECT content AS id FROM body');
  return [...contents].filter((id) => !prepared.has(id)).length;
}

function ids(path: string, sql: string): ReadonlySet<number> {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return new Set(
      db
        .prepare(sql)
        .all()
        .map(({ id }) => Number(id)),
    );
  } finally {
    db.close();
  }
}
