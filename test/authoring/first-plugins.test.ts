/** docs/first-plugins.md, typed by somebody who has an empty folder and the page. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { BINARY } from '../kit/launch.ts';

const page = readFileSync(new URL('../../docs/first-plugins.md', import.meta.url), 'utf8');
const folder = temporaryFolder('first-plugins');
afterAll(() => removeFolder(folder));

const MOST_LINES = 30;

/** By the plugin's name: the files of its section, by their names. */
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section) => {
    const files = [...section.matchAll(/```ts\n\/\/ ([\w-]+\/index(?:\.test)?\.ts)\n(.*?)```/gs)];
    return { title: section.split('\n', 1)[0], files: files.map(([, path = '', code = '']) => [path, code] as const) };
  });

describe('five first plugins', () => {
  it('are those that an author asks for first', () => expect(sections).toHaveLength(5));

  it.each(sections)(
    '$title: works as printed, in at most thirty lines',
    ({ files }) => {
      for (const [path, code] of files) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), code);
      }
      const [[path = '', code = ''] = []] = files;
      expect(code.trim().split('\n').length).toBeLessThanOrEqual(MOST_LINES);
      const out = execFileSync(process.execPath, [BINARY, 'plugin', 'test', dirname(path)], {
        cwd: folder,
        encoding: 'utf8',
        stdio: 'pipe',
      });
      expect(out).toMatch(/ pass 1$.* fail 0$/ms);
    },
    120_000,
  );
});
