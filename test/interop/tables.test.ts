/** P5: our tables answer what the real `postmap -q` answers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TableFault, TableUnavailableError } from '../../src/lookup/table-fault.ts';
import { connectTable } from '../../src/net/table-connection.ts';
import { openLoopback } from '../kit/loopback.ts';
import { openTables } from '../kit/tables.ts';
import { randomPatterns } from './patterns.ts';
import { openPostmap, type Postmap } from './postmap.ts';
import { BROKEN, FAILING, NAMED_CASES, REFUSED, TABLE_CASES } from './table-cases.ts';

let postmap: Postmap;
beforeAll(() => {
  postmap = openPostmap();
});
afterAll(() => postmap?.close());

/** The keys that our table finds. */
async function ours(name: string, keys: readonly string[]): Promise<Record<string, string>> {
  const table = openTables().tables.open(name);
  const found: Record<string, string> = {};
  for (const key of keys) {
    const value = await table.get(key);
    if (value !== undefined) found[key] = value;
  }
  return found;
}

const INDEXED = new Set(['hash', 'btree', 'lmdb', 'cdb']);

describe('P5: tables in files', () => {
  test.each(TABLE_CASES.flatMap(({ types, ...rest }, number) => types.map((type) => ({ number, type, ...rest }))))(
    'case $number as $type',
    async ({ number, type, text, keys }) => {
      const path = join(postmap.folder, `case-${number}-${type}`);
      writeFileSync(path, `${text}\n`);
      if (INDEXED.has(type)) await postmap.make(`${type}:${path}`);
      const real = await postmap.query(`${type}:${path}`, keys);
      expect(await ours(`${type}:${path}`, keys)).toEqual(real.found);
    },
  );

  test.each(BROKEN.flatMap(({ types, ...rest }) => types.map((type) => ({ type, ...rest }))))(
    'the wrong lines of a $type table are the same',
    async ({ type, text, mild }) => {
      const path = join(postmap.folder, `broken-${type}`);
      writeFileSync(path, `${text}\n`);
      const { warned } = await postmap.query(`${type}:${path}`, ['x']);
      let lines: number[] = [];
      try {
        openTables().tables.open(`${type}:${path}`);
      } catch (error) {
        if (error instanceof TableFault) lines = [error, ...error.further].map(({ line }) => line);
      }
      expect([...new Set(lines)].sort((a, b) => a - b)).toEqual(warned.filter((line) => !mild.includes(line)));
    },
  );

  test.each(['regexp', 'pcre'])(
    'what stands after the endif of a %s table is ignored, with a warning',
    async (type) => {
      const path = join(postmap.folder, `mild-${type}`);
      writeFileSync(path, 'if /x/\n/x/ yes\nendif extra\n');
      const { warned, found } = await postmap.query(`${type}:${path}`, ['x', 'y']);
      const { tables, logged } = openTables();
      tables.open(`${type}:${path}`);
      expect(logged).toEqual([`${path}:3: the text after endif is ignored: "extra"`]);
      expect(warned).toEqual([3]);
      expect(await ours(`${type}:${path}`, ['x', 'y'])).toEqual(found);
    },
  );
});

// At once: the real one sleeps for a second before each fatal error.
describe.concurrent('P5: tables in their name', () => {
  test.each(NAMED_CASES)('$table', async ({ table, keys }) => {
    process.env['postmap_test'] = 'of the environment';
    const real = await postmap.query(table, keys, { postmap_test: 'of the environment' });
    expect({ ...real, found: await ours(table, keys) }).toEqual({ ...real, failed: false });
  });

  test.each(FAILING)('%s fails temporarily', async (table) => {
    expect((await postmap.query(table, ['x'])).failed).toBe(true);
    await expect(ours(table, ['x'])).rejects.toThrow(TableUnavailableError);
  });

  test.each(REFUSED)('%s is refused', async (table) => {
    expect((await postmap.query(table, ['x'])).failed).toBe(true);
    expect(() => openTables().tables.open(table)).toThrow(TableFault);
  });
});

describe('P5: tables of other servers', () => {
  test('tcp', async () => {
    const answers: Readonly<Record<string, string>> = {
      plain: '200 one two',
      encoded: '200 a%20b%25%C3%A9',
      'A%C3%A9': '200 upper',
      none: '500 no such key',
      empty: '200 ',
    };
    const asked: string[] = [];
    const server = await openLoopback((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        asked.push(String(data));
        socket.write(`${answers[String(data).slice('get '.length, -1)] ?? '400 later'}\n`);
      });
    });
    const table = `tcp:127.0.0.1:${server.port}`;
    const keys = ['plain', 'encoded', 'Aé', 'none', 'a b', 'CASE'];
    await compareEach(table, keys, asked);
    await server.close();
  });

  test('socketmap', async () => {
    const answers: Readonly<Record<string, string>> = {
      found: 'OK one two',
      none: 'NOTFOUND ',
      bare: 'NOTFOUND',
      empty: 'OK ',
      TEMP: 'TEMP later',
      PERM: 'PERM never',
      odd: 'WHAT is this',
    };
    const asked: string[] = [];
    const server = await openLoopback((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => {
        asked.push(String(data));
        const answer = answers[/^\d+:map (.*),$/.exec(String(data))?.[1] ?? ''] ?? 'NOTFOUND ';
        socket.write(`${answer.length}:${answer},`);
      });
    });
    await compareEach(`socketmap:inet:127.0.0.1:${server.port}:map`, [...Object.keys(answers), 'a b', 'É'], asked);
    await server.close();
  });

  /** Both answers and both questions, key by key: `postmap` ends at the first failure. */
  async function compareEach(name: string, keys: readonly string[], asked: string[]): Promise<void> {
    for (const key of keys) {
      const mine = await Promise.resolve(openTables({ connect: connectTable }).tables.open(name).get(key)).catch(
        () => 'a temporary failure',
      );
      const question = asked.splice(0).at(-1);
      const { found, failed } = await postmap.query(name, [key]);
      expect([key, mine, question]).toEqual([key, failed ? 'a temporary failure' : found[key], asked.splice(0).at(-1)]);
    }
  }
});

describe('P5: patterns of all kinds', () => {
  test.each(['regexp', 'pcre'] as const)('%s', async (type) => {
    const different: unknown[] = [];
    const { patterns, keys } = randomPatterns(type);
    const path = join(postmap.folder, `random-${type}`);
    for (const pattern of patterns) {
      writeFileSync(path, `${pattern}\n`);
      const [real, mine] = [await postmap.query(`${type}:${path}`, keys), await ours(`${type}:${path}`, keys)];
      for (const key of keys)
        if (real.found[key] !== mine[key]) different.push({ pattern, key, real: real.found[key], mine: mine[key] });
    }
    expect(different).toEqual([]);
  });
});
