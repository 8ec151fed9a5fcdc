/** Mailboxes of one account may have the same UIDVALIDITY: an import keeps what another server has given. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyStore } from '../../src/maintenance/copy/copy.ts';
import { Tally } from '../../src/maintenance/copy/tally.ts';
import { pairMailboxes } from '../../src/maintenance/pair-mailboxes.ts';
import type { Store } from '../../src/store/store.ts';
import type { StoredMailbox } from '../../src/store/transfer.ts';
import { quietLog } from '../kit/log.ts';
import { acceptanceOf, openTemporaryStore, type TemporaryStore } from '../kit/store.ts';
import { dump } from './varied-store.ts';

let under: readonly TemporaryStore[];
let source: Store;
let target: Store;

beforeEach(async () => {
  under = [await openTemporaryStore(quietLog), await openTemporaryStore(quietLog)];
  [source, target] = under.map(({ store }) => store) as [Store, Store];
});
afterEach(() => Promise.all(under.map(({ close }) => close())));

const copy = () =>
  copyStore({
    source,
    isServed: false,
    target,
    of: 'sqlite:/old',
    thorough: true,
    tally: new Tally(),
    onStep: () => {},
  });

it('a copy has each of them, also renamed and removed', async () => {
  const account = await source.transfer.putAccount({
    address: 'xixi@baidu.com',
    passwordHash: '',
    disabled: false,
    quota: 0,
    forwarding: null,
    createdAt: 1,
  });
  const counters = { uidNext: 1, highestModseq: 1, recentFrom: 1, forgotten: 0 };
  for (const name of ['INBOX', 'Sent', 'Trash', 'a', 'b']) {
    const record = { account: account.id, name, specialUse: '' as const, uidValidity: 1234, ...counters };
    await source.transfer.putMailbox(record, null);
    const place = { account: account.id, mailbox: name };
    await source.accept(acceptanceOf(`in ${name}`, Buffer.from(`Subject: ${name}\r\n\r\n`), place));
  }
  const isEqual = async (): Promise<void> => {
    expect(await copy()).toMatchObject({ isComplete: true, comparison: { first: [] } });
    expect(await dump(target)).toEqual(await dump(source));
  };
  await isEqual();
  await source.mailboxes.rename(account.id, 'a', 'c');
  await isEqual();
  await source.mailboxes.rename(account.id, 'b', 'd');
  await source.mailboxes.rename(account.id, 'c', 'e');
  await source.mailboxes.remove(account.id, 'Trash');
  await isEqual();
});

const mailbox = (id: number, name: string, uidValidity: number): StoredMailbox => ({
  id,
  account: 1,
  name,
  specialUse: '',
  uidValidity,
  uidNext: 1,
  highestModseq: 1,
  recentFrom: 1,
  forgotten: 0,
  messages: 0,
  unseen: 0,
  deleted: 0,
  size: 0,
});

it('pairs by name and UIDVALIDITY, and what is left by a UIDVALIDITY that only one on each side has', () => {
  const theirs = [mailbox(0, 'INBOX', 7), mailbox(0, 'Sent', 7), mailbox(0, 'new', 8), mailbox(0, 'x', 9)];
  const here = [mailbox(1, 'Sent', 7), mailbox(2, 'old', 8), mailbox(3, 'y', 9), mailbox(4, 'z', 9)];
  const { known, others } = pairMailboxes(theirs, here);
  expect([...known].map(([from, to]) => [from.name, to.name])).toEqual([
    ['Sent', 'Sent'],
    ['new', 'old'],
  ]);
  expect([...others].map(({ name }) => name)).toEqual(['y', 'z']);
});
