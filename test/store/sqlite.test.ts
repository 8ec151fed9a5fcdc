/**
 * The SQLite backend against the conformance suite: UID, UIDVALIDITY and MODSEQ never go back (requirement G2), and what is
 * expunged is kept (G10).
 */
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { checkConformance } from './check.ts';
import { type StoreUnderTest, storeConformance } from './conformance.ts';
import { expungedConformance } from './expunged.ts';
import { storeModel } from './model.ts';
import { transferConformance } from './transfer.ts';

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
      removeFolder(directory);
    },
  };
}

const openNew = (): Promise<StoreUnderTest> => openIn(temporaryFolder('store'));

storeConformance('SQLite', openNew);
storeModel('SQLite', openNew);
transferConformance('SQLite', openNew);
checkConformance('SQLite', openNew);
expungedConformance('SQLite', openNew);
