/** Costs of the store alone, in this process: what it sends, how long its documents are, its processor time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from '../../../src/mail/account.ts';
import { connect } from '../../../src/store/backend/mongodb/database/connect.ts';
import { slices } from '../../../src/store/backend/mongodb/database/references.ts';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { SearchPreparation } from '../../../src/store/search-preparation.ts';
import type { Store } from '../../../src/store/store.ts';
import { quietLog } from '../../kit/log.ts';
import { median } from '../row.ts';
import { acceptance, count, each, elsewhere, into, processorTime } from './acts.ts';
import { meanOctets, textOctets } from './documents.ts';
import type { FigureName, Traffic, TrafficName } from './figures.ts';
import { measureLook, measureOthers } from './others.ts';
import { TrafficCounter } from './traffic.ts';

/** Accounts, messages of the mailbox that is read, and how often most operations are done. */
const ACCOUNTS = 1_000;
const MESSAGES = 2_000;
const TIMES = 100;
const LISTINGS = 5;
/** After this long, ms, journals are tidied. */
const TIDY = 1_500;

export type Costs = {
  readonly figures: Partial<Record<FigureName, number>>;
  readonly traffic: Readonly<Record<TrafficName, Traffic>>;
};

/** Some at a time: each waits for a connection, for ten seconds at most. */
async function makeAccounts({ directory }: Store): Promise<readonly Account[]> {
  const accounts: Account[] = [];
  for (const some of slices(count(ACCOUNTS), 10)) {
    const made = some.map((i) => directory.create({ address: `s${i}@bench.example`, passwordHash: 'x'.repeat(60) }));
    accounts.push(...(await Promise.all(made)));
  }
  return accounts;
}

/** `rest`: ms of a process at rest, in a second. */
export async function measureInside(uri: string, rest: number, say: (text: string) => void): Promise<Costs> {
  const counter = new TrafficCounter();
  const open = (): Promise<Store> => openMongoStore({ uri, log: quietLog, observe: counter.observe });
  let store = await open();
  const reopen = async (): Promise<void> => {
    await store.close();
    store = await open();
  };
  const database = await connect({ uri, patience: 0, progress: () => {}, observe: undefined });
  try {
    say(`the store alone: ${ACCOUNTS} accounts, ${MESSAGES} messages`);
    const accounts = await makeAccounts(store);
    const [reader, other] = accounts as [Account, Account];
    for (const _ of count(MESSAGES / TIMES))
      await Promise.all(count(TIMES).map(() => store.accept(acceptance(undefined, into(reader)))));
    const inbox = (await store.mailboxes.find(reader.id, 'INBOX'))?.id ?? '';
    const strangers = accounts.slice(2, 2 + TIMES);
    await reopen();

    const rcpt = await counter.during(TIMES, () => each(strangers, ({ address }) => store.directory.find(address)));
    const delivery = await counter.during(TIMES, async () => {
      await each(strangers, (account) => store.accept(acceptance(4096, into(account))));
      await delay(TIDY);
    });
    const relaying = async (): Promise<void> => {
      await each(count(TIMES), () => store.accept(acceptance(4096, elsewhere())));
      for (;;) {
        const items = await store.queue.claim({ now: Date.now(), limit: 10, leaseMs: 60_000, exclude: [] });
        if (items.length === 0) return;
        await store.queue.settle(items.map(({ id }) => ({ item: id, outcome: 'done' })));
      }
    };
    const item = acceptance(4096, elsewhere());
    await store.accept(item);
    await delay(TIDY);
    const itemOctets = await meanOctets(database.queue);
    const relay = await counter.during(TIMES, relaying);
    const cpuRelay = await processorTime(TIMES, relaying);

    say('SELECT, FETCH, STORE, EXPUNGE');
    const empty = (await store.mailboxes.find(other.id, 'Archive'))?.id ?? '';
    const session = await counter.during(1, async () => {
      await store.directory.find(other.address);
      await store.mailboxes.find(other.id, 'Archive');
      await store.mailboxes.open(empty, { claimRecent: true });
    });
    const selects: number[] = [];
    let whole: Traffic | null = null;
    for (const _ of count(8)) {
      await reopen();
      await delay(200);
      selects.push(
        await processorTime(MESSAGES, async () => {
          whole = await counter.during(1, () => store.mailboxes.open(inbox, { claimRecent: false }));
        }),
      );
    }
    const rows = perRow(whole ?? session, session);
    const listing = (): Promise<void> => all(store, inbox, { envelope: true });
    const listed = await counter.during(MESSAGES, listing);
    const cpuListed = await processorTime(LISTINGS * MESSAGES, () => each(count(LISTINGS), listing));
    const uids = count(TIMES).map((i) => i + 1);
    const body = await counter.during(TIMES, () =>
      each(uids, (uid) => all(store, inbox, { root: true, octets: true }, [[uid, uid]])),
    );
    const storeFlag = await counter.during(TIMES, () =>
      each(uids, (uid) => store.mailboxes.store(inbox, [[uid, uid]], { op: 'add', flags: ['\\Flagged'] })),
    );
    const expunging = async (from: number): Promise<void> => {
      for (let uid = from; uid < from + TIMES; uid += 10)
        await store.mailboxes.expunge(inbox, [[uid, uid + 9]], { force: true });
    };
    const expunge = await counter.during(TIMES, () => expunging(1));
    const cpuExpunge = await processorTime(TIMES, () => expunging(1 + TIMES));

    say('changes of another process, looks, texts for SEARCH');
    const preparation = new SearchPreparation(store, () => {});
    await preparation.next(TIMES);
    const text = await counter.during(TIMES, () => preparation.next(TIMES));
    const cpuText = await processorTime(TIMES, () => preparation.next(TIMES));
    const [told, cpuTold] = await measureOthers({ uri, store, counter, account: other, times: TIMES, rest });
    const cpuPolled = await measureLook(database);
    await store.directory.list();
    const cpuAccount = await processorTime(20 * ACCOUNTS, () => each(count(20), () => store.directory.list()));

    return {
      figures: {
        'cpu.row': Math.max(0, median(selects)),
        'cpu.listed': cpuListed,
        'cpu.relay': cpuRelay,
        'cpu.expunge': cpuExpunge,
        'cpu.text': cpuText,
        'cpu.told': cpuTold,
        'cpu.polled': cpuPolled,
        'cpu.account': cpuAccount,
        'octets.account': await meanOctets(database.accounts),
        'octets.mailbox': await meanOctets(database.mailboxes, { 'journal.0': { $exists: false } }),
        'octets.row': await meanOctets(database.messages, { gone: { $exists: false } }),
        'octets.content': await meanOctets(database.contents, {}, 'bytes'),
        'octets.item': itemOctets,
        'octets.text': await textOctets(database),
      },
      traffic: { rcpt, delivery, relay, session, rows, listed, body, store: storeFlag, expunge, told, text },
    };
  } finally {
    await database.client.close();
    await store.close();
  }
}

async function all(
  store: Store,
  mailbox: Parameters<Store['mailboxes']['rows']>[0],
  columns: Parameters<Store['mailboxes']['rows']>[2],
  uids: Parameters<Store['mailboxes']['rows']>[1] = [[1, 0xffff_ffff]],
): Promise<void> {
  for await (const _ of store.mailboxes.rows(mailbox, uids, columns));
}

/** What a SELECT of the large mailbox has beyond one of an empty one, for each row. */
function perRow(whole: Traffic, session: Traffic): Traffic {
  const names = Object.keys(whole) as (keyof Traffic)[];
  const rows = names.map((name) => [
    name,
    name === 'commands' ? 0 : Math.max(0, whole[name] - session[name]) / MESSAGES,
  ]);
  return { ...(Object.fromEntries(rows) as Traffic), primaryReads: 0, primaryWrites: 0 };
}
