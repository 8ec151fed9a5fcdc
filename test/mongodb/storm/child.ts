/**
 * A process of a storm: `node child.ts NAME SCENE`. Does random operations, several at a time, and says before each what
 * it is about to do, and afterwards what it was answered. Ends in order on SIGTERM.
 */
import { randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { CHUNK_SIZE } from '../../../src/store/content.ts';
import { MailboxError } from '../../../src/store/mailboxes.ts';
import type { QueueItem } from '../../../src/store/queue.ts';
import { quietLog } from '../../kit/log.ts';
import { queuedFor, sampleAcceptance } from '../../store/samples.ts';
import {
  type Answer,
  type Begun,
  type Line,
  nameIn,
  octetsOf,
  placeOf,
  prefixOf,
  type Scene,
  type Seen,
} from './words.ts';

const [name = '', given = '{}'] = process.argv.slice(2);
const scene = JSON.parse(given) as Scene;
const AT_ONCE = 6;
const FLAGS = ['\\Seen', '\\Flagged', '\\Deleted', '$One', '$Two'];

// On a busy machine the database may answer late; the others need this process.
const store = await openMongoStore({ uri: scene.uri, log: quietLog, hurry: scene.hurry, patience: 60_000 });
/** At the first SIGTERM nothing more is begun; at the second one the store is closed. */
let isOver = false;
const end = Promise.withResolvers<void>();
process.on('SIGTERM', () => {
  if (isOver) end.resolve();
  isOver = true;
});

const say = (line: Omit<Line, 'at' | 'process'>): void => {
  const text = `${JSON.stringify({ at: Number(process.hrtime.bigint()), process: name, ...line })}\n`;
  for (let left = Buffer.from(text); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      // The pipe is full: the test has not read it yet.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
};

let operations = 0;
/** Null if it failed. */
async function report(begun: Begun, act: () => Promise<Answer>): Promise<Answer | null> {
  const op = operations++;
  say({ op, begun } as Line);
  try {
    const done = await act();
    say({ op, done } as Line);
    return done;
  } catch (error) {
    say({ op, failed: String(error), refused: error instanceof MailboxError } as Line);
    return null;
  }
}

const oneOf = <T>(list: readonly T[]): T => list[randomInt(list.length)] as T;
const some = <T>(list: readonly T[], most: number): T[] =>
  Array.from({ length: Math.min(list.length, randomInt(1, most + 1)) }, () => oneOf(list)).filter(
    (one, i, all) => all.indexOf(one) === i,
  );

/** Some messages of a mailbox. */
async function look(mailbox: string, most: number): Promise<Seen> {
  const { uids } = await store.mailboxes.open(mailbox, { claimRecent: randomInt(2) === 0 });
  const wanted = most >= uids.length ? [...uids] : some([...uids], most);
  const seen: [string, string][] = [];
  const ranges = wanted.sort((a, b) => a - b).map((uid): [number, number] => [uid, uid]);
  for await (const rows of store.mailboxes.rows(mailbox, ranges, {}))
    for (const { uid, prefix } of rows) seen.push([placeOf(mailbox, uid), nameIn(prefix)]);
  return seen;
}

const uidOf = (place: string): number => Number(place.slice(place.indexOf(' ') + 1));
const rangesOf = (seen: Seen): [number, number][] => seen.map(([place]) => [uidOf(place), uidOf(place)]);

let messages = 0;
async function accept(): Promise<void> {
  const queueId = `${name}-${messages++}`;
  const bytes = octetsOf(queueId);
  const mailboxes = some(scene.mailboxes, 3);
  const names = mailboxes.map((_, number) => `${queueId}/${number}`);
  const items = Array.from({ length: Math.max(0, randomInt(6) - 3) }, (_, i) =>
    randomInt(3) === 0 ? `local-${i}@late.example` : `r${i}@far.example`,
  );
  const flags = some(FLAGS, 2);
  await report({ kind: 'accept', queueId, names, flags, items }, async () => {
    const deliveries = mailboxes.map((mailbox, i) => ({
      account: mailbox.slice(0, mailbox.indexOf('.')),
      mailbox: { id: mailbox },
      prefix: prefixOf(names[i] ?? ''),
      flags,
      internalDate: 1,
    }));
    const acceptance = sampleAcceptance(queueId, { bytes, deliveries, queued: items.map((item) => queuedFor(item)) });
    if (bytes.length <= CHUNK_SIZE) return placesOf(await store.accept({ ...acceptance, arrivedAt: Date.now() }));
    const spool = store.content.spool();
    for (let at = 0; at < bytes.length; at += 100_000) await spool.write(bytes.subarray(at, at + 100_000));
    return placesOf(await store.accept({ ...acceptance, arrivedAt: Date.now(), content: await spool.finish() }));
  });
}

const placesOf = ({ appended }: { appended: readonly { mailbox: unknown; uid: number }[] }): Answer => ({
  places: appended.map(({ mailbox, uid }) => placeOf(mailbox, uid)),
});

const wordsOf = ({ queueId, recipient }: QueueItem): string => `${queueId}/${recipient}`;

/** Claims, delivers what is local, and settles. */
async function run(): Promise<void> {
  let claimed: readonly QueueItem[] = [];
  await report({ kind: 'claim' }, async () => {
    claimed = await store.queue.claim({ now: Date.now(), limit: randomInt(1, 8), leaseMs: 600_000, exclude: [] });
    return { items: claimed.map(wordsOf) };
  });
  const undelivered = new Set<QueueItem>();
  for (const item of claimed) {
    if (!item.recipient.startsWith('local')) continue;
    // Always the same place for the same item, or it is delivered to both.
    const mailbox = scene.mailboxes[item.queueId.length % scene.mailboxes.length] ?? '';
    const named = `${item.queueId}/${item.recipient}`;
    const delivery = {
      account: mailbox.slice(0, mailbox.indexOf('.')),
      mailbox: { id: mailbox },
      flags: [],
      internalDate: 1,
    };
    const delivered = await report({ kind: 'deliver', name: named }, async () =>
      placesOf(await store.deliver(item.content, item.queueId, [{ ...delivery, prefix: prefixOf(named) }])),
    );
    if (delivered === null) undelivered.add(item);
  }
  await delay(randomInt(50));
  const outcomes = Map.groupBy(claimed, (item) =>
    undelivered.has(item) ? 'deferred' : oneOf(['done', 'done', 'deferred', 'released'] as const),
  );
  for (const [outcome, items] of outcomes)
    await report({ kind: 'settle', items: items.map(wordsOf), outcome }, async () => {
      await store.queue.settle(
        items.map(({ id }) =>
          outcome === 'deferred'
            ? {
                item: id,
                outcome,
                dueAt: Date.now() + randomInt(2000),
                reply: { code: 450, enhanced: '4.2.0', text: 'no' },
              }
            : { item: id, outcome },
        ),
      );
      return {};
    });
}

async function flags(): Promise<void> {
  const mailbox = oneOf(scene.mailboxes);
  const seen = await look(mailbox, 4);
  if (seen.length === 0) return;
  await report({ kind: 'flags', seen }, async () => {
    const op = oneOf(['set', 'add', 'remove'] as const);
    const { changed } = await store.mailboxes.store(mailbox, rangesOf(seen), { op, flags: some(FLAGS, 3) });
    return { states: changed.map(({ uid, modseq, flags }) => [placeOf(mailbox, uid), modseq, flags]) };
  });
}

async function expunge(): Promise<void> {
  const mailbox = oneOf(scene.mailboxes);
  const seen = await look(mailbox, 2);
  if (seen.length === 0) return;
  await report({ kind: 'expunge', seen }, async () => {
    const { uids } = await store.mailboxes.expunge(mailbox, rangesOf(seen), { force: true });
    return { gone: uids.map((uid) => placeOf(mailbox, uid)) };
  });
}

async function copyTo(kind: 'copy' | 'move', mailbox: string, target: string, most: number): Promise<void> {
  if (mailbox === target) return;
  const seen = await look(mailbox, most);
  if (seen.length === 0) return;
  await report({ kind, seen, target }, async () => {
    const { pairs } = await store.mailboxes[kind](mailbox, rangesOf(seen), target);
    return { pairs: pairs.map(([from, to]) => [placeOf(mailbox, from), placeOf(target, to)]) };
  });
}

/** Mailboxes that only this process knows. */
const own: { name: string; mailbox: string }[] = [];
let boxes = 0;
async function tree(): Promise<void> {
  const account = scene.accounts[0] ?? '';
  const box = own[randomInt(own.length + 2)];
  if (box === undefined) {
    const named = `${name}/box-${boxes++}`;
    const made = await report({ kind: 'create', name: named }, async () => ({
      mailbox: String((await store.mailboxes.create(account, named)).id),
    }));
    if (made?.mailbox === undefined) return;
    own.push({ name: named, mailbox: made.mailbox });
    return copyTo('copy', oneOf(scene.mailboxes), made.mailbox, 3);
  }
  // By one operation at a time.
  own.splice(own.indexOf(box), 1);
  if (randomInt(2) === 0) {
    await report({ kind: 'remove', ...box }, async () => {
      await store.mailboxes.remove(account, box.name);
      return {};
    });
    return;
  }
  const to = `${name}/deep/box-${boxes++}`;
  const renamed = await report({ kind: 'rename', from: box.name, to, mailbox: box.mailbox }, async () => {
    await store.mailboxes.rename(account, box.name, to);
    return {};
  });
  if (renamed !== null) own.push({ name: to, mailbox: box.mailbox });
}

const ACTS: readonly (readonly [weight: number, act: () => Promise<void>])[] = [
  [30, accept],
  [14, run],
  [16, flags],
  [8, expunge],
  [6, () => copyTo('copy', oneOf(scene.mailboxes), oneOf(scene.mailboxes), 3)],
  [14, () => copyTo('move', oneOf(scene.mailboxes), oneOf(scene.mailboxes), 3)],
  [3, () => copyTo('move', scene.large[randomInt(2)] ?? '', scene.large[randomInt(2)] ?? '', 1000)],
  [6, tree],
];
const TOTAL = ACTS.reduce((sum, [weight]) => sum + weight, 0);

function next(): () => Promise<void> {
  let at = randomInt(TOTAL);
  for (const [weight, act] of ACTS) {
    if (at < weight) return act;
    at -= weight;
  }
  return accept;
}

async function loop(): Promise<void> {
  while (!isOver) {
    // What it looks at before an operation may fail too.
    await next()().catch(() => delay(50));
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, loop));
await end.promise;
await store.close();
