/** A process that delivers messages to an account, one after the other: `deliverer.ts URI ADDRESS COUNT`. */
import { setTimeout as delay } from 'node:timers/promises';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../../kit/log.ts';
import { acceptance, count, each, into } from './acts.ts';

/** ms between two: each is told by itself. */
const PAUSE = 50;

const [, , uri = '', address = '', times = '0'] = process.argv;
const store = await openMongoStore({ uri, log: quietLog });
const account = await store.directory.find(address);
if (account === null) throw new Error(`no account ${address}`);
process.send?.('ready');
process.once('message', async () => {
  await each(count(Number(times)), async () => {
    await store.accept(acceptance(4096, into(account)));
    await delay(PAUSE);
  });
  await store.close();
  process.disconnect();
});
