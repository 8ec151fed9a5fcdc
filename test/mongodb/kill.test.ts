/**
 * Requirement G1 where several processes share a database: whichever of them is killed or stands still, and if the
 * database itself is killed, nothing that was acknowledged is lost, and nothing is there twice.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startMongo } from '../kit/mongodb.ts';
import { mongo, openDatabase } from './database.ts';
import { DEAD_AFTER, Storm } from './storm/storm.ts';

/** How often each test strikes. By hand: POSTHORN_TEST_KILLS=50. */
const STRIKES = Number(process.env['POSTHORN_TEST_KILLS'] ?? 3);
const LIMIT = { timeout: 120_000 + STRIKES * 30_000 };

const report = (what: string, counts: Readonly<Record<string, number>>): void =>
  console.log(
    `${what}: ${Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}`,
  );

/** Strikes while so many processes work on a database, and lets them go on for a while. */
async function weather(uri: string, processes: number, strike: (storm: Storm) => Promise<void>): Promise<void> {
  const storm = await Storm.begin(uri);
  try {
    for (let i = 0; i < processes; i += 1) storm.start();
    for (const name of storm.names) await storm.hasBegun(name, 50);
    for (let i = 0; i < STRIKES; i += 1) await strike(storm);
    // The others take over what the last one left.
    await delay(DEAD_AFTER * 1.5);
    const { faults, counts } = await storm.end();
    report(`${STRIKES} strikes among ${processes} processes`, counts);
    expect(faults).toEqual([]);
  } finally {
    storm.abort();
  }
}

/** One of them, and another one instead at once. */
async function killOne(storm: Storm): Promise<void> {
  const name = storm.names[randomInt(storm.names.length)] ?? '';
  await storm.hasBegun(name, randomInt(1, 300));
  await delay(randomInt(20));
  await storm.kill(name);
  storm.start();
}

describe('P13: after any number of kill -9 all that was acknowledged is there, once, and nothing is left over', () => {
  test.for([2, 3])('of %d processes', LIMIT, async (processes) => {
    const database = await openDatabase();
    try {
      await weather(database.uri, processes, killOne);
    } finally {
      await database.close();
    }
  });

  test.skipIf(!mongo.ours)('of the database', LIMIT, async () => {
    const server = await startMongo();
    const ours = server.process ?? expect.fail('mongo.ours says that it is');
    try {
      await weather(server.uriFor('storm'), 2, async () => {
        await delay(randomInt(1000, 3000));
        await ours.kill();
        await delay(randomInt(2000));
        await ours.restart();
      });
    } finally {
      await server.close();
    }
  });
});

test(
  'P13: a process that stood still while others took over its work does no harm when it goes on',
  LIMIT,
  async () => {
    const database = await openDatabase();
    try {
      await weather(database.uri, 3, async (storm) => {
        const name = storm.names[randomInt(storm.names.length)] ?? '';
        await delay(randomInt(1000));
        await storm.pause(name, DEAD_AFTER * 1.5);
        if (randomInt(3) > 0) return;
        // It dies with what it had begun before.
        await delay(randomInt(200));
        await storm.kill(name);
        storm.start();
      });
    } finally {
      await database.close();
    }
  },
);
