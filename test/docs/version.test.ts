/** The version is the same everywhere. */
import { expect, it } from 'vitest';
import { parameterTable } from '../../src/config/postfix/parameters.ts';
import { textOf } from './project.ts';

it('package.json, the lock file, mail_version and the newest changelog entry have the same version', () => {
  const { version } = JSON.parse(textOf('package.json')) as { version: string };
  const lock = JSON.parse(textOf('package-lock.json')) as {
    version: string;
    packages: Record<string, { version: string }>;
  };
  expect([lock.version, lock.packages['']?.version]).toEqual([version, version]);
  expect(parameterTable.get('mail_version')?.default).toBe(version);
  expect(/^## (\S+)/m.exec(textOf('CHANGELOG.md'))?.[1]).toBe(version);
});
