/**
 * docs/requirements.md is true: it has every id that the code cites, every row has a state, and its tests exist and
 * cite it.
 */
import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ROOT, textOf } from './project.ts';

interface Row {
  readonly id: string;
  readonly state: string;
  readonly tests: readonly string[];
}

const rows: readonly Row[] = textOf('docs/requirements.md')
  .split('\n')
  .filter((line) => /^\| [A-Z]\d+ \|/.test(line))
  .map((line) => {
    // A cell may contain an escaped bar.
    const [, id = '', , state = '', tests = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return { id, state, tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path) };
  });

/** Ids as cited in titles of tests and in comments: `P13: …`, `(requirements P10, P11)`. */
const CITATIONS = [
  /['"`]((?:[GPDBSTL]\d{1,2}(?:, )?)+): /g,
  /[Rr]equirements? ((?:[GPDBSTL]\d{1,2}(?:, | and )?)+)/g,
  /\(([GPDBSTL]\d{1,2})\)/g,
];

function citedIn(path: string): string[] {
  const text = textOf(path);
  return CITATIONS.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap(([, ids = '']) => ids.match(/[A-Z]\d+/g) ?? []),
  );
}

describe('docs/requirements.md', () => {
  it('has each id once, and each row is done, names what is missing, or is open', () => {
    const ids = rows.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(45);
    expect(new Set(ids).size).toBe(ids.length);
    expect(rows.filter(({ state }) => !/^(done|open(: .+)?|partly: .+)$/.test(state))).toEqual([]);
  });

  it('has every id that the sources and tests cite', () => {
    const known = new Set(rows.map(({ id }) => id));
    const files = globSync('{src,plugins,test}/**/*.ts', { cwd: ROOT });
    expect(files.length).toBeGreaterThan(300);
    expect(files.flatMap((file) => citedIn(file).flatMap((id) => (known.has(id) ? [] : [`${file}: ${id}`])))).toEqual(
      [],
    );
  });

  it('names tests for every row that is not open, and each of them cites the row', () => {
    expect(rows.filter(({ state, tests }) => !state.startsWith('open') && tests.length === 0)).toEqual([]);
    const silent = rows.flatMap(({ id, tests }) =>
      tests.filter((path) => !new RegExp(`\\b${id}\\b`).test(textOf(path))).map((path) => `${path}: ${id}`),
    );
    expect(silent).toEqual([]);
  });
});
