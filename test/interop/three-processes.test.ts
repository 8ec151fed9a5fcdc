/**
 * Section L with three processes on the real ports, as two companies and a third party would run them: `posthorn start
 * --config DIR` three times, on copies of the tutorials' own files. Binding these ports needs root.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Site } from '../../src/lab/client.ts';
import { runPoints, SITES } from '../../src/lab/lab.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { type Launched, launch } from '../kit/launch.ts';
import { runCommand } from '../kit/server.ts';

const LAB = fileURLToPath(new URL('../../lab', import.meta.url));
const root = process.getuid?.() === 0;

describe.skipIf(!root)('three processes on the real ports', () => {
  const folder = temporaryFolder('three');
  const processes = new Map<string, Launched>();
  const data = (name: string): string => join(folder, `${name}.data`);

  beforeAll(async () => {
    for (const { name, domain, users } of SITES) {
      cpSync(join(LAB, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
      const where = ['--config', join(folder, name), '--data', data(name)];
      for (const user of users)
        await runCommand(['user', 'add', `${user}@${domain}`, '--password-stdin', ...where], `${user}\n`);
      const launched = launch(['start', ...where, '--port-offset', '0', '--json']);
      processes.set(name, launched);
      await launched.shows(/"listeners"/);
    }
  });

  afterAll(async () => {
    for (const { child, exited } of processes.values()) {
      child.kill('SIGTERM');
      await exited;
    }
    removeFolder(folder);
  });

  it('L1–L9: all nine points hold between processes', async () => {
    const told = (name: string): { files: string[] } =>
      JSON.parse(processes.get(name)?.stdout().split('\n')[0] ?? '{}') as { files: string[] };
    const site = (name: 'baidu' | 'qq'): Site => {
      const { domain, mailHost, address } = SITES[name === 'baidu' ? 1 : 2];
      return {
        domain,
        mailHost,
        address,
        ca: readFileSync(join(data(name), 'tls', `${mailHost}.pem`), 'utf8'),
        port: (wellKnown) => wellKnown,
      };
    };
    const files = Object.fromEntries(SITES.map(({ name }) => [name, told(name).files]));
    const lab = {
      baidu: site('baidu'),
      qq: site('qq'),
      dns: { address: '127.0.1.53', port: 53 },
      files,
      say: () => {},
    };
    const results = await runPoints(lab, () => {});
    expect(results.map(({ id, seen, ok }) => (ok ? `${id} ok` : `${id}: ${seen}`))).toEqual(
      results.map(({ id }) => `${id} ok`),
    );
    expect(results).toHaveLength(9);
  });
});
