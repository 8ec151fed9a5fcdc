/** Links of the documentation lead to existing files and sections, and the source paths in CONTRIBUTING.md exist. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, textOf } from './project.ts';

const PAGES = globSync(['*.md', '{docs,src,plugins,examples,lab}/**/*.md'], { cwd: ROOT }).sort();
const textAt = (path: string): string => readFileSync(path, 'utf8');
/** Blocks of code hold no links. */
const prose = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchor of a heading, as hosting platforms make it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (path: string): string[] =>
  [...textAt(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchor(heading));

describe('documentation', () => {
  it('has pages', () => expect(PAGES).toContain('docs/README.md'));

  it.each(PAGES)('%s: its links lead to existing targets', (page) => {
    const links = [...prose(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [file = '', section] = link.split('#');
      const path = file === '' ? join(ROOT, page) : resolve(dirname(join(ROOT, page)), file);
      return !existsSync(path) || (section !== undefined && !anchorsOf(path).includes(section));
    });
    expect(broken).toEqual([]);
  });

  it('CONTRIBUTING.md names files and folders that exist', () => {
    const named = [
      ...textOf('CONTRIBUTING.md').matchAll(/`((?:src|test|plugins|docs|config|bin|examples)\/[^`\s]*)`/g),
    ].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((path) => !path.includes('NAME') && globSync(path, { cwd: ROOT }).length === 0)).toEqual([]);
  });
});
