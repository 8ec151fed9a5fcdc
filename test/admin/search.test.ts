/** The texts for SEARCH by command: how far they are, and making them anew, with a server and without. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AdminServices } from '../../src/admin/operation.ts';
import { searchOperations } from '../../src/admin/search.ts';
import type { Id } from '../../src/mail/account.ts';
import { YES } from '../../src/store/mailboxes.ts';
import { quietLog } from '../kit/log.ts';
import { acceptanceOf, openTemporaryStore, type TemporaryStore } from '../kit/store.ts';

let opened: TemporaryStore;
let contents: readonly Id[];
const reports: (readonly [number, number])[] = [];

beforeEach(async () => {
  opened = await openTemporaryStore(quietLog);
  reports.length = 0;
  const { directory } = opened.store;
  const { id: account } = await directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  const accept = async (n: number): Promise<Id> =>
    // As real queue IDs these ascend with time.
    (
      await opened.store.accept(
        acceptanceOf(`A${1000 + n}`, Buffer.from(`Subject: ${n}\r\n\r\nmiaow ${n}\r\n`), { account }),
      )
    ).content;
  contents = await Promise.all(Array.from({ length: 120 }, (_, n) => accept(n)));
});
afterEach(() => opened.close());

const services = (server: AdminServices['server']): AdminServices =>
  ({
    store: opened.store,
    server,
    progress: (done: number, of: number) => reports.push([done, of]),
  }) as Partial<AdminServices> as AdminServices;
const running: AdminServices['server'] = {
  reload: async () => [],
  status: async () => ({}),
  metrics: async () => [],
  plugins: () => [],
  done: () => {},
  stop: () => {},
  reportLogin: async () => ({ address: null, answeredBy: '', why: '', scheme: null, mechanisms: [], limits: [] }),
  explain: async () => ({ service: null, assumed: [], steps: [], destinations: [] }),
  logIn: async () => ({ ok: false, reason: 'credentials' }),
};
const ask = (name: string, server: AdminServices['server']): Promise<unknown> | undefined =>
  searchOperations[name]?.(services(server), {});

it('without a server all messages are prepared at once, and progress is reported', async () => {
  expect(await ask('search.status', null)).toMatchObject({ messages: 120, prepared: 0, indexed: 0 });
  expect(await ask('search.rebuild', null)).toMatchObject({ messages: 120, prepared: 120 });
  expect(reports).toEqual([
    [0, 120],
    [50, 120],
    [100, 120],
    [120, 120],
  ]);
  const found = await opened.store.mailboxes.searchContents(contents, { where: 'body', text: 'miaow' });
  expect(new Set(found)).toEqual(new Set([YES]));
});

it('a running server begins anew, and does the rest in idle time', async () => {
  await ask('search.rebuild', null);
  expect(await ask('search.rebuild', running)).toMatchObject({ messages: 120, prepared: 0, indexed: 0 });
  expect(await opened.store.mailboxes.unprepared(1_000)).toEqual(contents);
});

it('a message that cannot be read is reported, the others are prepared', async () => {
  const { content } = opened.store;
  const stream = content.stream.bind(content);
  Object.assign(content, {
    stream: (id: Id) => {
      if (id === contents[60]) throw new Error('the disk is broken there');
      return stream(id);
    },
  });
  await expect(ask('search.rebuild', null)).rejects.toThrow(
    '1 of 120 messages cannot be read from the store, the others are prepared: the disk is broken there',
  );
  expect(await ask('search.status', null)).toMatchObject({ messages: 120, prepared: 119 });
});
