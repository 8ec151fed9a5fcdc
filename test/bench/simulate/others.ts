/** What it costs to know what other processes do. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from '../../../src/mail/account.ts';
import type { Database } from '../../../src/store/backend/mongodb/database/database.ts';
import { accountOfMailbox, someMailboxes } from '../../../src/store/backend/mongodb/database/documents.ts';
import type { Store } from '../../../src/store/store.ts';
import { count, each, processorTime } from './acts.ts';
import type { Traffic } from './figures.ts';
import type { TrafficCounter } from './traffic.ts';

interface Listening {
  readonly uri: string;
  /** Counted by `counter`. */
  readonly store: Store;
  readonly counter: TrafficCounter;
  readonly account: Account;
  readonly times: number;
  /** ms of a process at rest, in a second. */
  readonly rest: number;
}

/** Messages that another process delivers to an account that a session watches here: traffic and ms of each. */
export async function measureOthers({
  uri,
  store,
  counter,
  account,
  times,
  rest,
}: Listening): Promise<[Traffic, number]> {
  const inbox = (await store.mailboxes.find(account.id, 'INBOX'))?.id ?? '';
  let heard = 0;
  const end = store.mailboxes.watch(account.id, (change) => {
    if (change.kind === 'append') heard += change.messages.length;
  });
  await store.mailboxes.open(inbox, { claimRecent: false });
  const child = fork(new URL('./deliverer.ts', import.meta.url), [uri, account.address, String(times)]);
  await once(child, 'message');
  const exited = once(child, 'exit');
  let cpu = 0;
  const began = performance.now();
  const traffic = await counter.during(times, async () => {
    child.send('go');
    cpu = await processorTime(times, async () => {
      while (heard < times) await delay(20);
    });
  });
  const took = (performance.now() - began) / 1000;
  end();
  await exited;
  return [traffic, Math.max(0, cpu - (rest * took) / times)];
}

/** Open mailboxes in one look, and looks. */
const OPEN = 1_000;
const LOOKS = 20;

/** ms for each open mailbox and its account: the queries of a look (feed.ts), without what follows from them. */
export async function measureLook({ mailboxes, accounts }: Database): Promise<number> {
  const found = await mailboxes.find({ name: 'INBOX' }, { projection: { _id: 1 }, limit: OPEN }).toArray();
  const names = found.map(({ _id }) => _id);
  const options = { projection: { modseq: 1, name: 1 }, batchSize: OPEN + 1 };
  const look = (): Promise<unknown> =>
    Promise.all([
      mailboxes.find(someMailboxes(names), options).toArray(),
      accounts.find({ _id: { $in: names.map(accountOfMailbox) } }, { batchSize: OPEN + 1 }).toArray(),
    ]);
  await each(count(LOOKS), look);
  return processorTime(LOOKS * names.length, () => each(count(LOOKS), look));
}
