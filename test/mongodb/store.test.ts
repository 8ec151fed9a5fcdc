/** G9: the MongoDB backend against the conformance suite and the model of a mailbox. */
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../kit/log.ts';
import { checkConformance } from '../store/check.ts';
import { type StoreUnderTest, storeConformance } from '../store/conformance.ts';
import { expungedConformance } from '../store/expunged.ts';
import { storeModel } from '../store/model.ts';
import { transferConformance } from '../store/transfer.ts';
import { openDatabase, type TestDatabase } from './database.ts';

async function openIn(database: TestDatabase): Promise<StoreUnderTest> {
  const store = await openMongoStore({ uri: database.uri, log: quietLog });
  return {
    store,
    reopen: async () => {
      await store.close();
      return openIn(database);
    },
    close: async () => {
      await store.close();
      await database.close();
    },
  };
}

const openNew = async (): Promise<StoreUnderTest> => openIn(await openDatabase());

storeConformance('MongoDB', openNew);
transferConformance('MongoDB', openNew);
checkConformance('MongoDB', openNew);
expungedConformance('MongoDB', openNew);
// Each step is some twenty commands; the server of the tests is slow.
storeModel('MongoDB', openNew, 8);
