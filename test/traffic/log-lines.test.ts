import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, it } from 'vitest';
import { filesSince, linesSince } from '../../src/traffic/log-lines.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('log-lines');
afterAll(() => removeFolder(folder));

const START = Date.parse('2026-11-27T00:00:00.000Z');
const lineOf = (second: number, more = ''): string =>
  JSON.stringify({ level: 'info', time: new Date(START + second * 1000).toISOString(), msg: `at ${second}`, more });
const secondOf = (line: string): number => Number(/"at (\d+)"/.exec(line)?.[1] ?? -1);

async function read(path: string, since: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesSince(path, since)) lines.push(line);
  return lines;
}

it('reads a long file from about the wanted time on, and misses no line', async () => {
  const path = join(folder, 'long');
  const filler = 'x'.repeat(400);
  const lines = Array.from({ length: 20_000 }, (_, second) => lineOf(second, filler));
  writeFileSync(path, `${lines.join('\n')}\n`);
  for (const wanted of [0, 7_777, 19_999]) {
    const seconds = (await read(path, START + wanted * 1000)).map(secondOf);
    expect(seconds).toContain(wanted);
    expect(seconds.at(-1)).toBe(19_999);
    expect(seconds.length).toBeLessThan(20_000 - wanted + 4_000);
  }
});

it('reads a file without times, one with endless lines, and an empty one as a whole', async () => {
  const path = join(folder, 'strange');
  writeFileSync(path, `${'not a log\n'.repeat(300_000)}end\n`);
  expect((await read(path, Date.now())).at(-1)).toBe('end');
  writeFileSync(path, `${'x'.repeat(3_000_000)}\nend\n`);
  expect((await read(path, Date.now())).at(-1)).toBe('end');
  writeFileSync(path, '');
  expect(await read(path, 0)).toEqual([]);
});

it('takes what was moved away since then, compressed or not, oldest first', async () => {
  const path = join(folder, 'mail.jsonl');
  writeFileSync(path, `${lineOf(300)}\n`);
  writeFileSync(`${path}.1`, `${lineOf(200)}\n`);
  writeFileSync(`${path}.2.gz`, gzipSync(`${lineOf(100)}\n`));
  writeFileSync(join(folder, 'mail.jsonlx'), '');
  for (const [name, second] of [
    ['.2.gz', 100],
    ['.1', 200],
    ['', 300],
  ] as const)
    utimesSync(path + name, START / 1000 + second, START / 1000 + second);
  expect(filesSince(path, START)).toEqual([`${path}.2.gz`, `${path}.1`, path]);
  expect(filesSince(path, START + 150_000)).toEqual([`${path}.1`, path]);
  expect((await read(`${path}.2.gz`, 0)).map(secondOf)).toEqual([100]);
});

it('says why a file cannot be read', async () => {
  writeFileSync(join(folder, 'broken.gz'), 'no gzip');
  await expect(read(join(folder, 'broken.gz'), 0)).rejects.toThrow(/incorrect header/);
  await expect(read(join(folder, 'none'), 0)).rejects.toThrow(/ENOENT/);
});
