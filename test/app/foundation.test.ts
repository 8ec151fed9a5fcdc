/** Words in restriction lists: those defined by plugins are accepted, others prevent the start with their place. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { layFoundation } from '../../src/app/foundation.ts';
import { ConfigurationError } from '../../src/config/fault.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { StubResolver } from '../../src/net/resolver.ts';
import type { Directory } from '../../src/store/directory.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { memoryStates, NO_MESSAGES } from '../kit/states.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

const PLUGIN = `import { definePlugin } from 'posthorn/plugin';
export default definePlugin({ name: 'quota', register(server) {
  server.defineRestriction('Check_Quota', { takesArgument: true, check: () => ({ kind: 'dunno' }) });
  server.defineRestriction('permit_mynetwork', { check: () => ({ kind: 'dunno' }) });
} });
`;

/** The faults of a start with this list; empty if it succeeds. */
async function faults(list: string, plugins: string, more = ''): Promise<string[]> {
  const folder = temporaryFolder('foundation');
  folders.push(folder);
  writeFileSync(
    join(folder, 'main.cf'),
    `myhostname = mail.example.com\nalias_maps =\nalias_database =\nsmtpd_client_restrictions =\n  ${list}\n${more}`,
  );
  writeFileSync(join(folder, 'plugins'), plugins);
  mkdirSync(join(folder, 'plugins.d', 'quota'), { recursive: true });
  writeFileSync(join(folder, 'plugins.d', 'quota', 'index.ts'), PLUGIN);
  const { configuration, faults: own } = await loadConfiguration({ directory: folder, hostname: 'x', interfaces: [] });
  expect(own).toEqual([]);
  const resolver = new StubResolver({ servers: ['127.0.0.1:9'] });
  try {
    const { bus } = await layFoundation(configuration, {
      directory: {} as Directory,
      messages: NO_MESSAGES,
      states: memoryStates(),
      resolver,
      log: quietLog,
      clock: Date.now,
    });
    await bus.close();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replaceAll(`${folder}/`, '').split('\n');
  } finally {
    resolver.close();
  }
}

describe('words of restriction lists', () => {
  it('P7: restrictions defined by a plugin are accepted in any case, with their argument, even if the name is close to a built-in one', async () => {
    expect(await faults('check_quota zen.example, permit_mynetwork, reject', 'quota\n')).toEqual([]);
  });

  it('P7: unknown words prevent the start, with the nearest known word, also one of a plugin', async () => {
    expect(await faults('chek_quota, heck_client_access, something_else', 'quota\n')).toEqual([
      'main.cf:5: smtpd_client_restrictions: there is no restriction "chek_quota"; did you mean "check_quota"?',
      'main.cf:5: smtpd_client_restrictions: there is no restriction "heck_client_access"; did you mean "check_client_access"?',
      'main.cf:5: smtpd_client_restrictions: there is no restriction "something_else"; define your own lists in smtpd_restriction_classes',
    ]);
  });

  it('P7: if a plugin cannot be loaded, only misspellings are reported', async () => {
    const told = await faults('check_quota zen.example, heck_client_access', 'qouta\n');
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('"heck_client_access"; did you mean');
    expect(told[1]).toContain('plugin qouta');
  });
});

it('P2: a name at which nothing can listen prevents the start, with its place', async () => {
  expect(await faults('permit', '', 'inet_interfaces = 127.0.0.1,\n  eth7.invalid\n')).toEqual([
    expect.stringMatching(
      /^main\.cf:7: inet_interfaces: "eth7\.invalid": no host has this name \(\w+\); expected all, loopback-only or addresses/,
    ),
  ]);
  expect(await faults('permit', '', 'inet_interfaces = localhost\n')).toEqual([]);
});
