/** docs/reference/cli.md matches the program: commands, options, environment variables (requirement P4). */
import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PAGES } from './pages.ts';
import { ROOT, textOf } from './project.ts';

describe('generated pages', () => {
  it.each([...PAGES.keys()])('%s is current', (page) => {
    const text = PAGES.get(page)?.();
    expect(
      textOf(page) === text,
      `${page} is not what the program says now: run "npm run docs" and commit the page`,
    ).toBe(true);
  });
});

describe('docs/reference/cli.md', () => {
  const page = textOf('docs/reference/cli.md');

  it('is the same on every machine: it contains no path of this one', () => {
    expect(page).not.toContain(ROOT);
    expect(page).not.toMatch(/`\/(?:home|root|tmp|opt)\//);
  });

  it('names every environment variable that the sources read', () => {
    const read = globSync('src/**/*.ts', { cwd: ROOT }).flatMap((file) =>
      [...textOf(file).matchAll(/process\.env\['(\w+)'\]/g)].map(([, name = '']) => name),
    );
    expect(read.length).toBeGreaterThan(0);
    expect([...new Set(read)].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('names every exit code that a command sets', () => {
    const set = globSync(['src/cli/*.ts', 'src/watchdog/*.ts', 'docker/*.js'], { cwd: ROOT }).flatMap((file) =>
      [...textOf(file).matchAll(/(?:exitCode = |leave\(|(?:EX_[A-Z]+|CANNOT_[A-Z]+|STALLED) = )(\d+)/g)].map(
        ([, code = '']) => code,
      ),
    );
    expect(set).toContain('78');
    expect([...new Set(set)].filter((code) => !page.includes(`| ${code} |`))).toEqual([]);
  });
});
