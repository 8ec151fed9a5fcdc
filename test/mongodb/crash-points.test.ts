/**
 * kill -9 at every point of every operation: before each write to the database is sent, and when its answer has
 * arrived. The process that comes next finds all of it or nothing, all of what was answered, and nothing left over (G10:
 * also of expunged messages that are kept).
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, test } from 'vitest';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../kit/log.ts';
import { audit } from './audit.ts';
import { OPERATIONS } from './crash/operations.ts';
import { openDatabase, type TestDatabase } from './database.ts';

/** Databases that are worked on at the same time. */
const LANES = 3;
/** More than what is kept for a writer that may still come: drafts, spools. */
const LATER = 7 * 3_600_000;

interface Run {
  readonly tag: string;
  readonly phase: 'before' | 'after';
  readonly nth: number;
}

interface Ran extends Run {
  /** What it prepared; undefined if it did not come so far. */
  readonly facts?: Readonly<Record<string, string>>;
  readonly answered?: boolean;
  readonly writes?: number;
}

async function runChild(uri: string, name: string, run: Run): Promise<Ran> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'crash/child.ts'),
      ...[uri, name, run.tag, run.phase, String(run.nth)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let said: Ran = run;
  for await (const line of createInterface({ input: child.stdout })) said = { ...said, ...JSON.parse(line) };
  if (said.facts === undefined) throw new Error(`${name}: the child ended before its operation`);
  return said;
}

/** Takes over twice: what one finishes leaves something for the next, hours later. Returns what was seen of each run. */
async function takeOver(database: TestDatabase, name: string, runs: readonly Ran[]): Promise<string[]> {
  // Not known any more: dead, without waiting until they have been silent for long enough.
  await database.db.collection('processes').deleteMany({});
  const faults: string[] = [];
  for (const times of [1, 2]) {
    const store = await openMongoStore({ uri: database.uri, log: quietLog, clock: () => Date.now() + times * LATER });
    for (const { tag, facts = {}, phase, nth, answered = false } of runs) {
      const outcome = await OPERATIONS[name]?.outcome(store, tag, facts).catch((error: unknown) => String(error));
      if (outcome !== 'all' && (outcome !== 'none' || answered))
        faults.push(`${tag}, killed ${phase} write ${nth}${answered ? ', answered' : ''}: ${outcome}`);
    }
    await store.close();
  }
  for (const fault of await audit(database.db)) faults.push(fault);
  return faults;
}

let kills = 0;
let operations = 0;
afterAll(() => console.log(`${operations} operations, killed at ${kills} points`));

test.for(Object.keys(OPERATIONS))('%s', { timeout: 300_000 }, async (name) => {
  const databases = await Promise.all(Array.from({ length: LANES }, () => openDatabase({ promoteBuffers: true })));
  const ran = databases.map((): Ran[] => []);
  try {
    const whole = await runChild(databases[0]?.uri ?? '', name, { tag: 'whole', phase: 'before', nth: 0 });
    ran[0]?.push(whole);
    const runs = Array.from({ length: whole.writes ?? 0 }, (_, i) =>
      (['before', 'after'] as const).map((phase): Run => ({ tag: `${phase}${i + 1}`, phase, nth: i + 1 })),
    ).flat();
    expect(runs.length).toBeGreaterThan(0);
    await Promise.all(
      databases.map(async (database, lane) => {
        for (let run = runs.shift(); run !== undefined; run = runs.shift()) {
          await database.db.collection('processes').deleteMany({});
          ran[lane]?.push(await runChild(database.uri, name, run));
        }
      }),
    );
    const faults = await Promise.all(databases.map((database, lane) => takeOver(database, name, ran[lane] ?? [])));
    operations += 1;
    kills += ran.flat().filter(({ writes }) => writes === undefined).length;
    expect(faults.flat()).toEqual([]);
  } finally {
    await Promise.all(databases.map((database) => database.close()));
  }
});
