/** Plugins in worker threads: what crosses, and what happens when their thread ends. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { temporaryFolder } from '../kit/folder.ts';
import { connect, type HouseOptions, openHouse, PLUGINS, recipient, type TestHouse, words } from './house.ts';

const opened: Bus[] = [];
afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close();
});

/** A house with one plugin in a worker; `body` is what its register() does. */
async function houseWith(
  body: string,
  more: Partial<HouseOptions> & { readonly top?: string; readonly settings?: object } = {},
): Promise<TestHouse> {
  const plugins = temporaryFolder('worker');
  mkdirSync(join(plugins, 'guest'));
  writeFileSync(
    join(plugins, 'guest', 'index.ts'),
    `import { definePlugin, deny, denySoft, NEXT, OK, reply, trace, DUNNO, rejectWith, ResolveError } from 'posthorn/plugin';
${more.top ?? ''}
export default definePlugin({ name: 'guest', async register(server) { ${body} } });\n`,
  );
  const house = await openHouse({
    plugins: ['guest'],
    directories: [PLUGINS, plugins],
    ours: PLUGINS,
    files: { 'plugins.d/guest.json': JSON.stringify(more.settings ?? {}) },
    ...more,
  });
  opened.push(house.bus);
  return house;
}

describe('a plugin in a worker', () => {
  it('is asked and answers as in the main thread', async () => {
    const house = await houseWith(`
      server.on('rcpt', ({ connection, recipient }) =>
        connection.remote.ip === '127.0.1.77' ? deny(reply(550, '5.7.1', recipient.address + ' no')) : NEXT);
    `);
    expect(house.bus.plugins[0]?.thread).toBe('worker');
    const asked = { connection: connect(house), recipient: recipient('xixi@baidu.com') };
    expect(words(await house.bus.run('rcpt', asked))).toBe('550 5.7.1 xixi@baidu.com no');
    expect(words(await house.bus.run('rcpt', { ...asked, connection: connect(house, { ip: '127.0.1.3' }) }))).toBe(
      'NEXT',
    );
  });
});
