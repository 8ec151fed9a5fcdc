/** The SQLite backend against the conformance suite: UID, UIDVALIDITY and MODSEQ never go back (requirement G2). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { quietLog } from '../kit/log.ts';
import { type StoreUnderTest, storeConformance } from './conformance.ts';
import { storeModel } from './model.ts';

async function openIn(directory: string): Promise<StoreUnderTest> {
  const store = await openSqliteStore({ directory, log: quietLog });
  return {
    store,
    reopen: async () => {
      await store.close();
      return openIn(directory);
    },
    close: async () => {
      await store.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const openNew = (): Promise<StoreUnderTest> => openIn(mkdtempSync(join(tmpdir(), 'posthorn-store-')));

storeConformance('SQLite', openNew);
storeModel('SQLite', openNew);
