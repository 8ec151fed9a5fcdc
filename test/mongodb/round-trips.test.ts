/** How often operations wait for the database, and how many commands they send: counted by the driver's own events. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account, Id } from '../../src/mail/account.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import type { RowColumns } from '../../src/store/mailboxes.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { collect, mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { type Commands, watchCommands } from './commands.ts';
import { openDatabase, type TestDatabase } from './database.ts';

const MESSAGES = 2600;

describe('the MongoDB store sends few commands', () => {
  let database: TestDatabase;
  let store: Store;
  let commands: Commands;
  let accounts: Account[];
  let inbox: Id;
  let serial = 0;

  const open = async (): Promise<void> => {
    commands = watchCommands();
    store = await openMongoStore({ uri: database.uri, log: quietLog, observe: commands.observe });
  };
  const deliver = (to: readonly Account[], queued: readonly string[] = []): Promise<unknown> => {
    serial += 1;
    const deliveries = to.map(({ id }) => toInbox(id));
    return store.accept(sampleAcceptance(`R${serial}`, { deliveries, queued: queued.map((one) => queuedFor(one)) }));
  };

  beforeAll(async () => {
    database = await openDatabase();
    await open();
    accounts = await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.directory.create({ address: `u${i}@example.org`, passwordHash: '' })),
    );
    inbox = await mailboxId(store, accounts[0]?.id ?? 0, 'Archive');
    await Promise.all(
      Array.from({ length: MESSAGES }, (_, i) =>
        store.accept(
          sampleAcceptance(`M${i}`, {
            deliveries: [{ ...toInbox(accounts[0]?.id ?? 0), mailbox: { id: inbox } }],
          }),
        ),
      ),
    );
  });
  afterAll(async () => {
    await store.close();
    await database.close();
  });

  describe('a delivery waits three times at most', () => {
    it.each([
      { to: 1, queued: 0, cold: true, most: 3 },
      { to: 1, queued: 0, cold: false, most: 2 },
      { to: 1, queued: 2, cold: true, most: 3 },
      { to: 20, queued: 0, cold: true, most: 3 },
      { to: 20, queued: 2, cold: false, most: 3 },
      { to: 0, queued: 2, cold: false, most: 3 },
    ])('to $to mailboxes and $queued other recipients; cold: $cold', async ({ to, queued, cold, most }) => {
      const some = accounts.slice(10, 10 + to);
      const others = Array.from({ length: queued }, (_, i) => `r${i}@qq.com`);
      const measure = async (): ReturnType<Commands['during']> => {
        if (cold) {
          await store.close();
          await open();
        } else await deliver(some);
        return commands.during(() => deliver(some, others));
      };
      let { sent, waits } = await measure();
      // The store may have done something of its own in between: the fewest count.
      for (let times = 0; waits > most && times < 2; times += 1) ({ sent, waits } = await measure());
      // At the same time: the queue's items, and rows that nobody waits for.
      expect(waits, sent.join(', ')).toBeLessThanOrEqual(most);
      expect(sent.length, sent.join(', ')).toBeLessThanOrEqual(most + 4);
    });
  });

  it('deliveries of the same moment share commands', async () => {
    await Promise.all(accounts.map((account) => deliver([account])));
    const { sent, waits } = await commands.during(() => Promise.all(accounts.map((account) => deliver([account]))));
    expect(sent.length, sent.join(', ')).toBeLessThanOrEqual(8);
    expect(waits).toBeLessThanOrEqual(4);
  });

  it('SELECT waits twice at most', async () => {
    for (const cold of [true, false]) {
      if (cold) {
        await store.close();
        await open();
      }
      const { sent, waits } = await commands.during(() => store.mailboxes.open(inbox, { claimRecent: false }));
      expect(waits, sent.join(', ')).toBeLessThanOrEqual(cold ? 2 : 1);
    }
  });

  it.each([
    { what: 'flags', columns: {} },
    { what: 'envelope and structure', columns: { envelope: true, bodyStructure: true } },
    { what: 'short contents', columns: { root: true, octets: true } },
  ] satisfies readonly { what: string; columns: RowColumns }[])(
    'FETCH of $what of n messages sends 2 + n/1000 commands at most',
    async ({ columns }) => {
      await store.close();
      await open();
      for (const n of [1, 2, 100, 999, 2500, 2501, MESSAGES]) {
        let found = 0;
        let sent: readonly string[] = [];
        // Housekeeping may look after the database at the same time.
        for (let times = 0; times < 3 && (times === 0 || sent.length > 2 + n / 1000); times += 1)
          ({ sent } = await commands.during(async () => {
            found = (await collect(store, inbox, columns, [[1, n]])).length;
          }));
        expect(found).toBe(n);
        expect(sent.length, `${n} messages: ${sent.join(', ')}`).toBeLessThanOrEqual(2 + n / 1000);
      }
    },
  );

  it('STORE and EXPUNGE wait for the database a few times, however many messages they are about', async () => {
    await store.mailboxes.open(inbox, { claimRecent: false });
    const flags = await commands.during(() =>
      store.mailboxes.store(inbox, [[1, 1000]], { op: 'add', flags: ['\\Seen'] }),
    );
    expect(flags.waits, flags.sent.join(', ')).toBeLessThanOrEqual(3);
    const expunge = await commands.during(() => store.mailboxes.expunge(inbox, [[1, 1000]], { force: true }));
    expect(expunge.waits, expunge.sent.join(', ')).toBeLessThanOrEqual(10);
  });
});
