import type { Db } from 'mongodb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MongoCluster } from '../../src/store/backend/mongodb/cluster/cluster.ts';
import { Outage } from '../../src/store/backend/mongodb/database/outage.ts';
import { recordLog } from '../kit/log.ts';
import { openDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let open: MongoCluster[] = [];
beforeEach(async () => {
  database = await openDatabase();
});
afterEach(async () => {
  await Promise.all(open.map((cluster) => cluster.close()));
  open = [];
  await database.close();
});

/** A process with a clock of its own; its timer goes by the real one. */
async function join(db: Db = database.db) {
  const { log, lines } = recordLog();
  const time = { now: 0 };
  const clock = () => time.now;
  const outage = new Outage({ log, where: 'db at host', clock });
  const cluster = await MongoCluster.join({ db, log, outage, version: '1.2.3', clock });
  open.push(cluster);
  /** Seconds go by, with a turn in each. */
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i += 1) {
      time.now += 1000;
      await cluster.turn();
    }
  };
  return { cluster, lines, time, pass };
}

/** The document of a process that was killed. */
const GHOST = {
  host: 'elsewhere',
  pid: 1,
  version: '1.0.0',
  startedAt: 1,
  beat: 1,
  heard: new Date(),
  facts: {},
  revision: 1,
  counts: { '=t': { '=a': 5 } },
};

async function addGhost(id: string, more: object = {}): Promise<void> {
  await database.db.collection<{ _id: string }>('processes').insertOne({ ...GHOST, ...more, _id: id });
}

/** What a process hears of a topic. */
function hear(cluster: MongoCluster, own: () => ReadonlyMap<string, number> = () => new Map()) {
  const heard = { sums: new Map<string, number>() as ReadonlyMap<string, number> };
  const end = cluster.share('t', own, (sums) => {
    heard.sums = sums;
  });
  return { heard, end };
}

describe('the processes', () => {
  test('know each other, and what each says of itself', async () => {
    const a = await join();
    a.cluster.describe(() => ({ imap: 3 }));
    const b = await join();
    await a.pass(2);
    expect(await b.cluster.processes()).toEqual([
      expect.objectContaining({ id: a.cluster.id, self: false, dead: false, facts: { imap: 3 } }),
      expect.objectContaining({ id: b.cluster.id, self: true, dead: false, pid: process.pid, version: '1.2.3' }),
    ]);
    expect(a.cluster.isAlive(b.cluster.id) && b.cluster.isAlive(a.cluster.id)).toBe(true);
  });

  test('know at once who has left', async () => {
    const a = await join();
    const b = await join();
    const gone: string[] = [];
    a.cluster.onDeath((id) => gone.push(id));
    await a.pass(1);
    await b.cluster.close();
    await a.pass(1);
    expect(gone).toEqual([b.cluster.id]);
    expect(a.cluster.isAlive(b.cluster.id)).toBe(false);
    expect(await a.cluster.processes()).toHaveLength(1);
  });

  test('take one for dead that was silent for ten seconds, by their own clock', async () => {
    await addGhost('ghost', { startedAt: Date.now() + 1e9, heard: new Date(Date.now() + 1e7) });
    const { cluster, pass } = await join();
    const gone: string[] = [];
    cluster.onDeath((id) => gone.push(id));
    expect(cluster.isAlive('ghost')).toBe(true);
    await pass(9);
    expect(cluster.isAlive('ghost')).toBe(true);
    await pass(1);
    expect([cluster.isAlive('ghost'), gone]).toEqual([false, ['ghost']]);
    expect((await cluster.processes()).map(({ id, dead, silentFor }) => [id, dead, silentFor])).toContainEqual([
      'ghost',
      true,
      10_000,
    ]);
  });

  test('declare a dead one dead, unless it shows life first; it learns of that', async () => {
    const a = await join();
    const b = await join();
    await a.pass(11);
    expect(a.cluster.isAlive(b.cluster.id)).toBe(false);
    expect(await a.cluster.declareDead(b.cluster.id)).toBe(true);
    expect([b.cluster.deaths, await b.cluster.confirm(), b.cluster.deaths]).toEqual([0, 1, 1]);
    expect(await a.cluster.declareDead(b.cluster.id)).toBe(false);
    await a.pass(11);
    expect(await a.cluster.declareDead(b.cluster.id)).toBe(true);
    await b.pass(1);
    expect(b.cluster.deaths).toBe(2);
    expect(await a.cluster.declareDead('nobody')).toBe(true);
  });

  test('do not take an unknown one for dead that may have joined since they looked', async () => {
    const { cluster, time } = await join();
    expect(cluster.isAlive('new')).toBe(false);
    time.now += 1_600;
    expect(cluster.isAlive('new')).toBe(true);
    await cluster.turn();
    expect(cluster.isAlive('new')).toBe(false);
  });

  test('forget the dead after a day, by the clock of the database', async () => {
    await addGhost('old', { heard: new Date(Date.now() - 25 * 3_600_000) });
    await addGhost('young', { heard: new Date(Date.now() - 23 * 3_600_000) });
    const { cluster, pass } = await join();
    await pass(1);
    expect((await cluster.processes()).map(({ id }) => id).sort()).toEqual([cluster.id, 'young'].sort());
  });
});

describe('counts', () => {
  test('are heard by the others within two turns, as sums, and not by who tells them', async () => {
    const [a, b, c] = [await join(), await join(), await join()];
    const counts = new Map([['x', 2]]);
    const ofA = hear(a.cluster, () => counts);
    hear(b.cluster, () => new Map([['x', 1]]));
    hear(b.cluster, () => new Map([['192.0.2.1', 4]]));
    const ofC = hear(c.cluster);
    await vi.waitFor(
      () => {
        expect(ofC.heard.sums).toEqual(
          new Map([
            ['x', 3],
            ['192.0.2.1', 4],
          ]),
        );
        expect(ofA.heard.sums.get('x')).toBe(1);
      },
      { timeout: 5_000 },
    );
    counts.delete('x');
    ofA.end();
    await vi.waitFor(() => expect(ofC.heard.sums.get('x')).toBe(1), { timeout: 5_000 });
  });

  test('of a dead process and of one that left do not count', async () => {
    await addGhost('ghost');
    const { cluster, pass } = await join();
    const { heard } = hear(cluster);
    await pass(1);
    expect(heard.sums).toEqual(new Map([['a', 5]]));
    await pass(9);
    expect(heard.sums).toEqual(new Map());
    const other = await join();
    hear(other.cluster, () => new Map([['a', 1]]));
    await vi.waitFor(() => expect(heard.sums).toEqual(new Map([['a', 1]])), { timeout: 5_000 });
    await other.cluster.close();
    await pass(1);
    expect(heard.sums).toEqual(new Map());
  });

  test('are told again where the document was removed', async () => {
    await addGhost('ghost');
    const { cluster, pass } = await join();
    hear(cluster, () => new Map([['k', 1]]));
    const processes = database.db.collection<{ _id: string; counts?: unknown; host?: unknown }>('processes');
    const counts = async (): Promise<unknown> => (await processes.findOne({ _id: cluster.id }))?.counts;
    await pass(2);
    expect(await counts()).toEqual({ '=t': { '=k': 1 } });
    await processes.deleteOne({ _id: cluster.id });
    await pass(4);
    expect(await counts()).toEqual({ '=t': { '=k': 1 } });
    expect((await processes.findOne({ _id: cluster.id }))?.host).toBeDefined();
  });
});

describe('a process without its database', () => {
  test('knows after eight seconds that others may take it for dead, until it has written again', async () => {
    const { cluster, time } = await join();
    time.now += 8_000;
    expect(cluster.isIsolated).toBe(false);
    time.now += 1;
    expect(cluster.isIsolated).toBe(true);
    await cluster.turn();
    expect(cluster.isIsolated).toBe(false);
  });

  test('says so once for each outage, and throws nothing', async () => {
    let isAway = false;
    const db = new Proxy(database.db, {
      get: (target, name) =>
        name === 'collection'
          ? (collection: string) =>
              new Proxy(target.collection(collection), {
                get: (of, method) => {
                  if (isAway && method === 'updateOne') return () => Promise.reject(new Error('no primary'));
                  const value: unknown = Reflect.get(of, method, of);
                  return typeof value === 'function' ? value.bind(of) : value;
                },
              })
          : Reflect.get(target, name, target),
    });
    const { cluster, lines, pass } = await join(db);
    isAway = true;
    await pass(9);
    expect(cluster.isIsolated).toBe(true);
    isAway = false;
    await pass(2);
    isAway = true;
    await pass(5);
    isAway = false;
    const away = 'error: the heartbeat of this process cannot be written to the database: no primary';
    const back = 'info: the database has the heartbeat of this process again';
    expect(lines).toEqual([away, back, away]);
  });
});
