/**
 * `posthorn store copy` as an operator uses it: beside the running server, again when it is stopped, then the switch.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder } from '../kit/folder.ts';
import { type Finished, finish, launch } from '../kit/launch.ts';
import { quietLog } from '../kit/log.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders, startServer, type TestServer } from '../kit/server.ts';
import { dump, randomFrom, VariedStore } from '../maintenance/varied-store.ts';

// A test runs many processes: seconds on an idle machine, far more under load.
vi.setConfig({ testTimeout: 90_000 });

const MAIN = 'compatibility_level = 3.6\nmyhostname = mail.example.org\ninet_interfaces = 127.0.0.1\nalias_maps =\n';

let folders: Folders;
let copied: string;
let server: TestServer | undefined;

beforeEach(() => {
  folders = makeFolders({ 'main.cf': MAIN });
  copied = join(folders.root, 'copied');
});
afterEach(async () => {
  await server?.stop({ keep: true });
  server = undefined;
  removeFolder(folders.root);
});

const copy = (...words: string[]): Promise<Finished> =>
  finish(['store', 'copy', `sqlite:${folders.data}`, `sqlite:${copied}`, '--config', folders.config, ...words]);
const start = async (data = folders.data): Promise<TestServer> => {
  server = await startServer({ files: {}, portOffset: await freeOffset(), folders: { ...folders, data } });
  return server;
};
const stop = async (): Promise<void> => {
  await server?.stop({ keep: true });
  server = undefined;
};
async function within<T>(directory: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ directory, log: quietLog });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
const fill = (messages: number): Promise<void> =>
  within(folders.data, (store) => new VariedStore(store, randomFrom(messages)).fill(messages));

describe('posthorn store copy', () => {
  it('copies beside a server, completes without it, and the copy is served', async () => {
    await fill(150);
    const running = await start();
    const live = await copy();
    expect(live).toMatchObject({ code: 0, err: '' });
    expect(live.out).toContain(`sqlite:${folders.data} is in use, so the copy is not complete: stop its server`);
    await running.command(['user', 'passwd', 'user1@example.org', '--password-stdin'], 'sesame\n');
    await running.command(['user', 'add', 'late@example.org', '--password-stdin'], 'sesame\n');
    await running.command(['queue', 'hold', 'ALL']);
    const json = JSON.parse((await copy('--json')).out) as unknown;
    expect(json).toMatchObject({ served: true, complete: false, verification: null, problems: { count: 0 } });

    // Not before it is complete.
    await expect(start(copied)).rejects.toThrow('that is not complete');
    await stop();
    const last = await copy();
    expect(last).toMatchObject({ code: 0, err: '' });
    expect(last.out).toMatch(/^accounts +\d+ +0$/m);
    expect(last.out).toContain(`set "mail_store = sqlite:${copied}" in main.cf and start the server`);
    expect(JSON.parse((await copy('--json', '--thorough')).out)).toMatchObject({
      served: false,
      complete: true,
      written: 0,
      verification: { different: 0 },
    });
    expect(await within(copied, dump)).toEqual(await within(folders.data, dump));

    const moved = await start(copied);
    expect(await moved.command(['user', 'list', '--data', copied])).toContain('late@example.org');
    await stop();
    // It has mail of its own now, which a copy would remove.
    expect(await copy()).toEqual({
      code: 1,
      out: '',
      err: 'posthorn: the store to copy to has accounts or mail of its own, which a copy would remove; name an empty one\n',
    });
  });

  it('goes on after kill -9, also where the server was killed', async () => {
    await fill(400);
    server = await start();
    server.signal('SIGKILL');
    await server.exited;
    server = undefined;
    let killed = 0;
    for (let ms = 250; killed < 3 && ms < 2000; ms += 70) {
      const copying = launch([
        ...['store', 'copy', `sqlite:${folders.data}`, `sqlite:${copied}`],
        ...['--config', folders.config, '--json'],
      ]);
      await delay(ms);
      copying.child.kill('SIGKILL');
      // Not those that had ended, or not begun.
      if ((await copying.exited) === null && existsSync(join(copied, 'store.sqlite'))) killed += 1;
    }
    expect(killed).toBe(3);
    expect(JSON.parse((await copy('--json', '--thorough')).out)).toMatchObject({ complete: true });
    expect(await within(copied, dump)).toEqual(await within(folders.data, dump));
  });

  it('leaves the source as it was', async () => {
    await fill(20);
    const before = readFileSync(join(folders.data, 'store.sqlite'));
    expect((await copy()).code).toBe(0);
    expect(readFileSync(join(folders.data, 'store.sqlite')).equals(before)).toBe(true);
    expect(existsSync(join(folders.data, 'search.sqlite'))).toBe(false);
  });

  it('says what is wrong with the stores that it was given', async () => {
    const refusal = async (from: string, to: string): Promise<string> => {
      const { code, out, err } = await finish(['store', 'copy', from, to, '--config', folders.config]);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      return err;
    };
    const missing = join(folders.root, 'missing');
    expect(await refusal(`sqlite:${missing}`, `sqlite:${copied}`)).toBe(
      `posthorn: ${missing}: there is no store (no file store.sqlite)\n`,
    );
    expect(existsSync(copied)).toBe(false);
    expect(await refusal(missing, `sqlite:${copied}`)).toContain('does not say what kind of store it is');
    expect(await refusal('postgres://me:secret@db/', `sqlite:${copied}`)).toBe(
      'posthorn: "postgres:" is no kind of store that this version can open (it knows sqlite:, mongodb:, mongodb+srv:)\n',
    );
    expect(await refusal('sqlite:', `sqlite:${copied}`)).toContain('names no directory');
    await fill(1);
    expect(await refusal(`sqlite:${folders.data}`, `sqlite:${folders.data}/../data`)).toContain(
      'cannot be copied to itself',
    );
    writeFileSync(join(folders.root, 'file'), '');
    expect(await refusal(`sqlite:${folders.data}`, `sqlite:${folders.root}/file`)).toContain(`${folders.root}/file`);
  });
});
