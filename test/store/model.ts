/**
 * A mailbox as a list in memory, which random operations on a store are compared with. Part of the conformance suite: a
 * backend calls `storeModel` with a factory.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Id } from '../../src/mail/account.ts';
import type { Change } from '../../src/mail/change.ts';
import type { MessageColumns, MessageRow, UidRanges } from '../../src/store/mailboxes.ts';
import type { Store } from '../../src/store/store.ts';
import { collect, mailboxId, type StoreUnderTest } from './conformance.ts';
import { sampleAcceptance, toInbox } from './samples.ts';

const FLAGS = ['\\Seen', '\\Deleted', '\\Flagged', 'Work', '$Junk'];
const NAMES = ['INBOX', 'Archive'];

type Step =
  | { readonly kind: 'append'; readonly box: number; readonly count: number; readonly flags: readonly string[] }
  | {
      readonly kind: 'store';
      readonly box: number;
      readonly uids: UidRanges;
      readonly op: 'set' | 'add' | 'remove';
      readonly flags: readonly string[];
    }
  | { readonly kind: 'expunge'; readonly box: number; readonly uids: UidRanges; readonly force: boolean }
  | { readonly kind: 'copy' | 'move'; readonly box: number; readonly uids: UidRanges }
  | { readonly kind: 'reopen' };

const box = fc.nat(NAMES.length - 1);
const flags = fc.subarray(FLAGS);
const uids = fc
  .tuple(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 0, max: 8 }))
  .map(([first, more]): UidRanges => [[first, first + more]]);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('append' as const), box, count: fc.integer({ min: 1, max: 6 }), flags }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      box,
      uids,
      op: fc.constantFrom('set', 'add', 'remove'),
      flags,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expunge' as const), box, uids, force: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('copy', 'move'), box, uids }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

interface Row {
  uid: number;
  flags: Set<string>;
  content: Id;
}

class Model {
  rows: Row[] = [];
  uidNext = 1;
  /** The last value from the store; it may only grow. */
  modseq = 0;

  append(content: Id, rowFlags: Iterable<string>): void {
    this.rows.push({ uid: this.uidNext, flags: new Set(rowFlags), content });
    this.uidNext += 1;
  }

  among(ranges: UidRanges): Row[] {
    return this.rows.filter(({ uid }) => ranges.some(([first, last]) => uid >= first && uid <= last));
  }
}

/** The state that a session derives from a snapshot and the changes after it. */
function follow(mirror: Map<number, string>, change: Change): void {
  if (change.kind === 'expunge') for (const uid of change.uids) mirror.delete(uid);
  if (change.kind === 'append' || change.kind === 'flags')
    for (const { uid, flags: now } of change.messages) mirror.set(uid, [...now].sort().join(' '));
}

/** `runs`: sequences of operations. */
export function storeModel(backend: string, open: () => Promise<StoreUnderTest>, runs = 25): void {
  describe(`the ${backend} store under random operations`, () => {
    let under: StoreUnderTest;
    let serial = 0;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.close());

    it('matches a list in memory; UIDs and MODSEQs never go back; a watching session sees the same', {
      timeout: 120_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          serial += 1;
          const account = await under.store.directory.create({
            address: `model${serial}@example.org`,
            passwordHash: '',
          });
          const ids = await Promise.all(NAMES.map((name) => mailboxId(under.store, account.id, name)));
          const models = NAMES.map(() => new Model());
          const mirrors = NAMES.map(() => new Map<number, string>());
          const listen = (store: Store): (() => void) =>
            store.mailboxes.watch(account.id, (change) => {
              const mirror = mirrors[ids.indexOf(change.mailbox)];
              if (mirror !== undefined) follow(mirror, change);
            });
          let unwatch = listen(under.store);
          for (const [i, next] of steps.entries()) {
            if (next.kind === 'reopen') {
              unwatch();
              under = await under.reopen();
              unwatch = listen(under.store);
              continue;
            }
            const before = await Promise.all(ids.map((id) => under.store.mailboxes.status(id)));
            await apply(under.store, next, account.id, ids, models, `M${serial}-${i}`);
            for (const [at, id] of ids.entries())
              await compare(
                under.store,
                id,
                models[at] ?? new Model(),
                before[at]?.highestModseq ?? 0,
                mirrors[at] ?? new Map(),
              );
          }
          unwatch();
        }),
        { numRuns: runs },
      );
    });
  });
}

async function apply(
  store: Store,
  next: Exclude<Step, { kind: 'reopen' }>,
  account: Id,
  ids: readonly Id[],
  models: readonly Model[],
  name: string,
): Promise<void> {
  const id = ids[next.box] ?? 0;
  const model = models[next.box] ?? new Model();
  const other = models[1 - next.box] ?? new Model();
  if (next.kind === 'append') {
    const delivery = { ...toInbox(account, next.flags), mailbox: { id } };
    const accepted = await Promise.all(
      Array.from({ length: next.count }, (_, i) =>
        store.accept(sampleAcceptance(`${name}-${i}`, { deliveries: [delivery] })),
      ),
    );
    for (const { content, appended } of accepted) {
      expect(appended[0]?.uid).toBe(model.uidNext);
      model.append(content, next.flags);
    }
  } else if (next.kind === 'store') {
    await store.mailboxes.store(id, next.uids, { op: next.op, flags: next.flags });
    for (const row of model.among(next.uids)) {
      if (next.op === 'set') row.flags = new Set(next.flags);
      for (const flag of next.flags) next.op === 'remove' ? row.flags.delete(flag) : row.flags.add(flag);
    }
  } else if (next.kind === 'expunge') {
    const gone = model.among(next.uids).filter((row) => next.force || row.flags.has('\\Deleted'));
    expect((await store.mailboxes.expunge(id, next.uids, { force: next.force })).uids).toEqual(
      gone.map(({ uid }) => uid),
    );
    model.rows = model.rows.filter((row) => !gone.includes(row));
  } else {
    const rows = model.among(next.uids);
    const { pairs } = await store.mailboxes[next.kind](id, next.uids, ids[1 - next.box] ?? 0);
    expect(pairs).toEqual(rows.map(({ uid }, i) => [uid, other.uidNext + i]));
    for (const { content, flags: rowFlags } of rows) other.append(content, rowFlags);
    if (next.kind === 'move') model.rows = model.rows.filter((row) => !rows.includes(row));
  }
}

const columnsAt = ({ flags: flagsAt, ...columns }: MessageColumns, i: number): object => ({
  uid: columns.uids[i],
  modseq: columns.modseqs[i],
  flags: [...flagsAt(i)].sort(),
  internalDate: columns.internalDates[i],
  size: columns.sizes[i],
  sentAt: columns.sentAts[i],
});

const columnsOf = ({ uid, modseq, flags: now, internalDate, size, sentAt }: MessageRow): object => ({
  uid,
  modseq,
  flags: [...now].sort(),
  internalDate,
  size,
  sentAt: sentAt ?? Number.NaN,
});

async function compare(
  store: Store,
  id: Id,
  model: Model,
  since: number,
  mirror: ReadonlyMap<number, string>,
): Promise<void> {
  const rows = await collect(store, id);
  const expected = model.rows.map(({ uid, flags: now, content }) => ({ uid, flags: [...now].sort(), content }));
  expect(rows.map(({ uid, flags: now, content }) => ({ uid, flags: [...now].sort(), content }))).toEqual(expected);
  // With and without the columns that a backend may answer for in different ways.
  const whole = await collect(store, id, { envelope: true, bodyStructure: true, root: true, octets: true });
  const withoutTexts = whole.map(({ envelope: _e, bodyStructure: _b, root: _r, octets: _o, ...row }) => row);
  expect(withoutTexts).toEqual(rows);
  const shown = await collect(store, id, { envelope: true, bodyStructure: true });
  expect(shown).toEqual(whole.map(({ root: _root, octets: _octets, ...row }) => row));
  const columns = await store.mailboxes.columns(id);
  expect(Array.from({ length: columns.length }, (_, i) => columnsAt(columns, i))).toEqual(rows.map(columnsOf));
  const { mailbox, uids: open, firstUnseen } = await store.mailboxes.open(id, { claimRecent: false });
  expect([...open]).toEqual(expected.map(({ uid }) => uid));
  expect(firstUnseen).toBe(model.rows.find((row) => !row.flags.has('\\Seen'))?.uid ?? 0);
  expect(mailbox).toMatchObject({
    uidNext: model.uidNext,
    messages: rows.length,
    unseen: model.rows.filter((row) => !row.flags.has('\\Seen')).length,
    deleted: model.rows.filter((row) => row.flags.has('\\Deleted')).length,
    size: rows.reduce((sum, { size }) => sum + size, 0),
  });
  expect(mailbox.highestModseq).toBeGreaterThanOrEqual(model.modseq);
  model.modseq = mailbox.highestModseq;
  expect([...mirror].sort(([x], [y]) => x - y)).toEqual(expected.map(({ uid, flags: now }) => [uid, now.join(' ')]));
  // The changes since the last check are exactly the messages with a higher MODSEQ.
  const { changed, vanished } = await store.mailboxes.changes(id, since);
  expect(changed.map(({ uid }) => uid)).toEqual(rows.filter(({ modseq }) => modseq > since).map(({ uid }) => uid));
  expect(vanished.filter((uid) => open.includes(uid))).toEqual([]);
}
