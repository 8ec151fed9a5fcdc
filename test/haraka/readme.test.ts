/** The README names every plugin: those that the tests show to work, and the others with the reason. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CASES } from './cases.ts';
import { PACKAGES } from './haraka-server.ts';

const README = readFileSync(new URL('../../plugins/haraka/README.md', import.meta.url), 'utf8');

/** The plugins in the first column of the table below a heading. */
const tableBelow = (heading: string): string[] =>
  [...(README.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '').matchAll(/^\| `(.*?)`\s+\|/gm)].flatMap(
    ([, names = '']) => names.split('`, `'),
  );

const installed = [
  ...readdirSync(join(PACKAGES, 'Haraka/plugins'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -3)),
  ...readdirSync(PACKAGES)
    .filter((name) => name.startsWith('haraka-plugin-'))
    .map((name) => name.slice('haraka-plugin-'.length)),
];

test('what is said to work is what the tests compare with Haraka', () => {
  const shown = new Set(CASES.flatMap(({ plugins }) => plugins).filter((name) => name !== 'noting'));
  expect(tableBelow('Plugins that work').toSorted()).toEqual([...shown].toSorted());
  expect(shown.size).toBeGreaterThanOrEqual(30);
});

test('every other plugin is listed with its reason', () => {
  const works = new Set(tableBelow('Plugins that work'));
  expect(tableBelow('The others').toSorted()).toEqual(installed.filter((name) => !works.has(name)).toSorted());
});
