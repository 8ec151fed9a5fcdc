/**
 * Clients of two servers on one database at work in the same mailboxes at the same time: each is told the truth, in an
 * order in which it can be understood, and at the end all have the same.
 */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { imap, openPair, type Pair } from './pair.ts';
import { RacingClient } from './racing-client.ts';

/** For how long they work, ms. */
const WORK = 15_000;
const MAILBOXES = ['one', 'two'] as const;

let pair: Pair;
beforeAll(async () => {
  pair = await openPair(['xixi']);
});
afterAll(() => pair.close());

/** Numbers that are the same in each run; what becomes of them is not. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Asks both servers in turn for what must not go back, until it is told to stop. */
async function watchCounters(until: () => boolean): Promise<void> {
  const clients = [await imap(pair.a, 'xixi'), await imap(pair.b, 'xixi')] as const;
  const highest = new Map<string, number>();
  for (let turn = 0; !until(); turn += 1) {
    const mailbox = MAILBOXES[(turn >> 1) % 2] ?? '';
    const answer = await clients[turn % 2]?.ok(`STATUS ${mailbox} (UIDNEXT HIGHESTMODSEQ)`);
    for (const [, name = '', value = ''] of answer?.matchAll(/(UIDNEXT|HIGHESTMODSEQ) (\d+)/g) ?? []) {
      expect(Number(value), `${name} of ${mailbox}`).toBeGreaterThanOrEqual(highest.get(mailbox + name) ?? 0);
      highest.set(mailbox + name, Number(value));
    }
  }
  for (const client of clients) client.destroy();
}

it('no session sees a UID or a MODSEQ go back, and at the end all see the same', async () => {
  const setup = await imap(pair.a, 'xixi');
  for (const mailbox of MAILBOXES) await setup.ok(`CREATE ${mailbox}`);
  const workers: RacingClient[] = [];
  for (const [i, server] of [pair.a, pair.b, pair.a, pair.b, pair.a, pair.b].entries()) {
    // Four in the first mailbox, two in the other.
    const [mailbox, other] = i < 4 ? MAILBOXES : [MAILBOXES[1], MAILBOXES[0]];
    const name = `${server === pair.a ? 'a' : 'b'}${i}`;
    const worker = new RacingClient(await imap(server, 'xixi'), name, mailbox, other, dice(i + 1));
    await worker.select();
    workers.push(worker);
  }

  const end = performance.now() + WORK;
  const isOver = (): boolean => performance.now() > end;
  await Promise.all([
    watchCounters(isOver),
    ...workers.map(async (worker) => {
      while (!isOver()) await worker.act();
    }),
  ]);
  const done = new Map<string, number>();
  for (const worker of workers) for (const [what, times] of worker.done) done.set(what, (done.get(what) ?? 0) + times);
  console.log(`six clients did ${[...done].map(([what, times]) => `${times} ${what}`).join(', ')}`);

  const subjects = new Map<string, number>();
  for (const [which, mailbox] of MAILBOXES.entries()) {
    const fresh = [await imap(pair.a, 'xixi'), await imap(pair.b, 'xixi')] as const;
    const shown = await Promise.all(
      fresh.map(async (client) => {
        const status = await client.ok(`STATUS ${mailbox} (MESSAGES UIDNEXT UNSEEN DELETED SIZE HIGHESTMODSEQ)`);
        await client.ok(`SELECT ${mailbox}`);
        return `${status}${await client.ok('FETCH 1:* (UID FLAGS MODSEQ)')}`.replaceAll(/ ?\\Recent/g, '');
      }),
    );
    expect(shown[1]).toBe(shown[0]);
    const truth = [...(shown[0]?.matchAll(/UID (\d+) .*/g) ?? [])].map(([line, uid = '']) => ({
      uid: Number(uid),
      modseq: Number(/MODSEQ \((\d+)\)/.exec(line)?.[1]),
      flags: /FLAGS \(([^)]*)\)/.exec(line)?.[1]?.trim(),
    }));
    expect(Number(/MESSAGES (\d+)/.exec(shown[0] ?? '')?.[1])).toBe(truth.length);
    // Sessions that were there all the time come to the same by what they are told.
    for (const worker of which === 0 ? workers.slice(0, 4) : workers.slice(4))
      await vi.waitFor(
        async () => {
          await worker.noop();
          expect(worker.uids).toEqual(truth.map(({ uid }) => uid));
          for (const { uid, modseq, flags } of truth) {
            const state = worker.states.get(uid);
            expect([uid, state?.modseq, state?.flags ?? flags]).toEqual([uid, modseq, flags]);
          }
        },
        { timeout: 3_000 },
      );
    const headers = await fresh[0].ok('FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
    for (const [, subject = ''] of headers.matchAll(/Subject: (\S+)/g))
      subjects.set(subject, (subjects.get(subject) ?? 0) + 1);
  }
  const kept = workers.flatMap(({ appended }) => appended.filter((one) => one.kept).map(({ subject }) => subject));
  // Whoever moves one that another moves at the same moment does not leave a second copy.
  expect(kept.filter((subject) => subjects.get(subject) !== 1)).toEqual([]);
});
