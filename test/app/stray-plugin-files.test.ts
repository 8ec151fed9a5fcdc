/** What lies in plugins.d for no enabled plugin is told at each start, reload and check. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfiguration } from '../../src/app/check.ts';
import { strayPluginNotes } from '../../src/app/stray-plugin-files.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryFolder('strays');
});
afterEach(() => removeFolder(directory));

function write(...files: readonly string[]): void {
  for (const file of files) {
    mkdirSync(dirname(join(directory, 'plugins.d', file)), { recursive: true });
    writeFileSync(join(directory, 'plugins.d', file), '{}');
  }
}
const notes = (...plugins: string[]) =>
  strayPluginNotes({ directory, plugins }).map(({ file, message }) => [
    file.slice(directory.length + '/plugins.d/'.length),
    message.replace('belongs to no enabled plugin: the file plugins does not list ', ''),
  ]);

describe('a file in plugins.d', () => {
  it('of an enabled plugin is not told, nor what npm, compilers and other plugins read', () => {
    write('greylist.json', 'judge/index.ts', 'judge.next/index.ts', 'judge.next.toml', 'judge.before.mjs');
    write('@our/judge.yaml', '.judge.old/index.ts', 'package.json', 'tsconfig.json', 'tsconfig.base.json');
    write('node_modules/x/index.js', 'shared.ts', 'lists/names.txt', 'geo.mmdb', 'v1.next.json');
    expect(notes('greylist', 'judge', '@our/judge', 'v1.next')).toEqual([]);
  });

  it('of a plugin that is not enabled is told, with the nearest name', () => {
    write('greylits.toml', 'geo.json', 'judge.next/lib.txt', 'jugde.before.ts', 'lottery/index.mjs', '@our/jude.ini');
    symlinkSync(join(directory, 'plugins.d/lottery'), join(directory, 'plugins.d/linked'));
    expect(notes('greylist', '@our/judge')).toEqual([
      ['@our/jude.ini', '@our/jude; did you mean @our/judge?'],
      ['geo.json', 'geo'],
      ['greylits.toml', 'greylits; did you mean greylist?'],
      ['judge.next', 'judge'],
      ['jugde.before.ts', 'jugde'],
      ['linked', 'linked'],
      ['lottery', 'lottery'],
    ]);
  });

  it('is told ten times; further ones are counted', () => {
    write(...Array.from({ length: 15 }, (_, i) => `plugin-${i}.json`));
    expect(notes('greylist')).toHaveLength(11);
    expect(notes('greylist').at(-1)).toEqual(['', '5 more files and folders belong to no enabled plugin']);
  });

  it('is no note where there is no such folder', () => expect(notes('greylist')).toEqual([]));

  it('is among the notes of a check', async () => {
    write('greylits.json');
    writeFileSync(join(directory, 'main.cf'), 'compatibility_level = 3.6\nmydomain = example.test\n');
    writeFileSync(join(directory, 'plugins'), 'restrictions\nrewriting\ngreylist\n');
    expect((await checkConfiguration(directory, join(directory, 'data'))).notes).toContain(
      `${join(directory, 'plugins.d/greylits.json')}: belongs to no enabled plugin: the file plugins does not list greylits; did you mean greylist?`,
    );
  });
});
