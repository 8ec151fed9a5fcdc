/**
 * Figures of the embedded store: `node test/bench/store.bench.ts [directory]`.
 * Everything is durable (synchronous=FULL); the callers, the writer and the reader share the machine's cores.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'posthorn-store-bench-'));
const store = await openSqliteStore({ directory, log: quietLog });
const accounts = await Promise.all(
  Array.from({ length: 20 }, (_, i) => store.directory.create({ address: `user${i}@bench.example`, passwordHash: '' })),
);
let serial = 0;

const report = (what: string, figure: string): void => console.log(`${what.padEnd(56)} ${figure}`);

/** `loops` callers, each accepting one message after the other, for `seconds`. */
async function accepts(what: string, octets: number, loops: number, seconds: number, queued = false): Promise<void> {
  const bytes = Buffer.alloc(octets, 'Natural text is what a message is made of, line after line.\r\n');
  const end = performance.now() + seconds * 1000;
  const begun = performance.now();
  let count = 0;
  let worst = 0;
  await Promise.all(
    Array.from({ length: loops }, async (_, i) => {
      const account = accounts[i % accounts.length];
      while (account !== undefined && performance.now() < end) {
        serial += 1;
        const at = performance.now();
        const target = queued
          ? { queued: [queuedFor(`x@d${serial % 50}.example`)] }
          : { deliveries: [toInbox(account.id)] };
        await store.accept(sampleAcceptance(`Q${serial}`, { bytes, ...target }));
        worst = Math.max(worst, performance.now() - at);
        count += 1;
      }
    }),
  );
  const took = (performance.now() - begun) / 1000;
  report(
    what,
    `${Math.round(count / took)}/s, ${((count * octets) / took / 1e6).toFixed(0)} MB/s, slowest ${worst.toFixed(0)} ms`,
  );
}

async function timed(what: string, times: number, act: () => Promise<unknown>): Promise<void> {
  const all: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const at = performance.now();
    await act();
    all.push(performance.now() - at);
  }
  all.sort((x, y) => x - y);
  report(
    what,
    `median ${all[Math.floor(times / 2)]?.toFixed(2)} ms, best ${all[0]?.toFixed(2)}, worst ${all.at(-1)?.toFixed(2)}`,
  );
}

async function countRows(
  mailbox: number | string,
  columns: Parameters<Store['mailboxes']['rows']>[2],
): Promise<number> {
  let count = 0;
  for await (const rows of store.mailboxes.rows(mailbox, [[1, 0xffff_ffff]], columns)) count += rows.length;
  return count;
}

await accepts('accept 4 KB, 1 loop', 4096, 1, 2);
await accepts('accept 4 KB, 20 loops', 4096, 20, 4);
await accepts('accept 4 KB, 100 loops', 4096, 100, 3);
await accepts('accept 100 KB, 1 loop', 100_000, 1, 2);
await accepts('accept 100 KB, 20 loops', 100_000, 20, 6);
await accepts('accept 4 KB for the queue, 20 loops', 4096, 20, 2, true);

const reader = await store.directory.create({ address: 'reader@bench.example', passwordHash: '' });
await Promise.all(
  Array.from({ length: 10_000 }, (_, i) =>
    store.accept(sampleAcceptance(`R${i}`, { deliveries: [toInbox(reader.id)] })),
  ),
);
const inbox = (await store.mailboxes.find(reader.id, 'INBOX'))?.id ?? 0;
await timed('open a mailbox of 10,000', 20, () => store.mailboxes.open(inbox, { claimRecent: false }));
await timed('10,000 rows', 10, () => countRows(inbox, {}));
await timed('10,000 rows, envelope and body structure', 10, () =>
  countRows(inbox, { envelope: true, bodyStructure: true }),
);
await timed('10,000 rows, root and search', 5, () => countRows(inbox, { root: true, search: true }));
const first = (
  await store.accept(sampleAcceptance('C1', { bytes: Buffer.alloc(100_000, 'x'), deliveries: [toInbox(reader.id)] }))
).content;
await timed('read 100 KB of content', 200, () => store.content.read(first));

const latencies: number[] = [];
for (let i = 0; i < 300; i += 1) {
  const begun = performance.now();
  const heard = new Promise<void>((resolve) => {
    const end = store.mailboxes.watch(reader.id, () => {
      end();
      resolve();
    });
  });
  const answered = store
    .accept(sampleAcceptance(`W${i}`, { deliveries: [toInbox(reader.id)] }))
    .then(() => performance.now());
  await heard;
  const at = performance.now();
  latencies.push(Math.abs(at - (await answered)), at - begun);
}
const apart = latencies.filter((_, i) => i % 2 === 0).sort((x, y) => x - y);
const whole = latencies.filter((_, i) => i % 2 === 1).sort((x, y) => x - y);
report(
  'watch: between the answer and the change',
  `median ${apart[150]?.toFixed(3)} ms, worst ${apart.at(-1)?.toFixed(2)}`,
);
report(
  'watch: accept begun to change heard (with its commit)',
  `median ${whole[150]?.toFixed(2)} ms, worst ${whole.at(-1)?.toFixed(2)}`,
);

await timed('claim 100 of the queue', 20, () =>
  store.queue.claim({ now: Date.now() * 2, limit: 100, leaseMs: 1000, exclude: [] }),
);
await timed('store a flag on 10,000', 3, () => {
  serial += 1;
  return store.mailboxes.store(inbox, [[1, 10_000]], { op: 'add', flags: [`k${serial}`] });
});
const archive = (await store.mailboxes.find(reader.id, 'Archive'))?.id ?? 0;
await timed('copy 10,000', 1, () => store.mailboxes.copy(inbox, [[1, 10_000]], archive));
await timed('expunge 10,000', 1, () => store.mailboxes.expunge(inbox, undefined, { force: true }));
store.expunged.keepFor(86_400_000);
await timed('expunge 10,000 that are kept', 1, () => store.mailboxes.expunge(archive, undefined, { force: true }));
await timed('bring 10,000 back', 1, async () => {
  for await (const kept of store.expunged.list(reader.id))
    await store.expunged.restore(
      kept.map(({ id }) => id),
      inbox,
    );
});
report('memory of the process', `${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
await store.close();
removeFolder(directory);
