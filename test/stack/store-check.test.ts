/** `posthorn store check` as an operator uses it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { removeFolder } from '../kit/folder.ts';
import { type Finished, finish } from '../kit/launch.ts';
import { quietLog } from '../kit/log.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders, startServer } from '../kit/server.ts';
import { randomFrom, VariedStore } from '../maintenance/varied-store.ts';

// A test runs many processes: seconds on an idle machine, far more under load.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = 'compatibility_level = 3.6\nmyhostname = mail.example.org\ninet_interfaces = 127.0.0.1\nalias_maps =\n';

let folders: Folders;
beforeEach(async () => {
  folders = makeFolders({ 'main.cf': MAIN });
});
afterEach(() => removeFolder(folders.root));

const check = (...words: string[]): Promise<Finished> =>
  finish(['store', 'check', '--config', folders.config, '--data', folders.data, ...words]);

async function fill(): Promise<void> {
  const store = await openSqliteStore({ directory: folders.data, log: quietLog });
  await new VariedStore(store, randomFrom(1)).fill(60);
  await store.close();
}

describe('posthorn store check', () => {
  it('says that all is well, beside a server too', async () => {
    await fill();
    const sound = await check();
    expect(sound).toMatchObject({ code: 0, err: '' });
    expect(sound.out).toMatch(/^checked +count +wrong +mended\n-+ /);
    expect(sound.out).toMatch(/^messages +\d+ +0 +0$/m);
    expect(sound.out).toMatch(/\nThe store is sound\.\n$/);
    const server = await startServer({ files: {}, portOffset: await freeOffset(), folders });
    try {
      const beside = JSON.parse((await check('--json')).out) as { checks: { name: string }[] };
      expect(beside).toMatchObject({ served: true, sound: true });
      // The server may be making them.
      expect(beside.checks.map(({ name }) => name)).not.toContain('texts for SEARCH');
      expect(await check('--repair')).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringContaining('the store is in use by process'),
      });
    } finally {
      await server.stop({ keep: true });
    }
  });

  it('names what is wrong, and mends it where it follows from other data', async () => {
    await fill();
    const db = new DatabaseSync(join(folders.data, 'store.sqlite'));
    db.exec('UPDATE mailbox SET messages = messages + 1 WHERE id = 1; UPDATE content SET refs = refs + 7 WHERE id = 3');
    db.close();
    const before = await check();
    expect(before).toMatchObject({ code: 1, err: '' });
    expect(before.out).toMatch(/^1 wrong, mailboxes:\n {2}user0@example\.org INBOX: messages: \d+ instead of \d+$/m);
    expect(before.out).toContain(
      'The store is not sound: 2 wrong. "posthorn stop", then "posthorn store check --repair"',
    );
    const mended = await check('--repair');
    expect(mended).toMatchObject({ code: 0, err: '' });
    expect(mended.out).toMatch(/INBOX: messages: \d+ instead of \d+ \(mended\)$/m);
    expect((await check()).code).toBe(0);
  });

  it('makes no store where there is none', async () => {
    for (const words of [[], ['--repair']])
      expect(await check(...words)).toEqual({
        code: 1,
        out: '',
        err: `posthorn: ${folders.data}: there is no store (no file store.sqlite)\n`,
      });
  });
});
