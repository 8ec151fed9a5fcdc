/** Preparing the texts for SEARCH in idle time. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { indexInIdleTime } from '../../src/app/search-indexing.ts';
import { Database } from '../../src/store/backend/sqlite/database.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog, recordLog } from '../kit/log.ts';
import { acceptanceOf } from '../kit/store.ts';

afterEach(() => vi.useRealTimers());

it('a message that cannot be read holds up no other', async () => {
  const directory = temporaryFolder('indexing');
  const first = await openSqliteStore({ directory, log: quietLog });
  const account = (await first.directory.create({ address: 'xixi@example.test', passwordHash: '' })).id;
  for (let n = 1; n <= 15; n += 1)
    await first.accept(acceptanceOf(`m${n}`, Buffer.from(`Subject: ${n}\r\n\r\nwords\r\n`), { account }));
  await first.close();
  const db = new Database(join(directory, 'store.sqlite'), { synchronous: 'FULL', cacheKib: 1024, busyMs: 1000 });
  db.run('DELETE FROM chunk WHERE id = 3 * 4096');
  db.close();
  const store = await openSqliteStore({ directory, log: quietLog });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { log, lines } = recordLog();
  const stop = indexInIdleTime(store, log);
  for (let tries = 0; tries < 200 && (await store.mailboxes.searchText(15)) === null; tries += 1) {
    vi.advanceTimersByTime(60_000);
    await delay(50);
  }
  expect(await store.mailboxes.searchText(15)).toMatchObject({ body: 'words\r\n' });
  expect(await store.mailboxes.searchText(3)).toBeNull();
  expect(lines).toEqual([expect.stringContaining('content 3 is damaged')]);
  await stop();
  vi.useRealTimers();
  await store.close();
  removeFolder(directory);
});
