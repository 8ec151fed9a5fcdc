/**
 * Each kind of change that the store makes, with what it finds before (`prepare`) and what must be seen afterwards,
 * wherever it was interrupted. `tag` is in all names, so that many runs fit into one database.
 */
import { setTimeout } from 'node:timers/promises';
import type { Id } from '../../../src/mail/account.ts';
import { DEFAULT_MAILBOXES } from '../../../src/mail/mailbox.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../../src/store/content.ts';
import type { MessageRow, UidRanges } from '../../../src/store/mailboxes.ts';
import type { LocalDelivery, Store } from '../../../src/store/store.ts';
import { collect, listQueue, mailboxId } from '../../store/conformance.ts';
import { listKept } from '../../store/expunged.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../../store/samples.ts';

/** 'none': as if it had not been asked for. 'all': as if it had been answered. Anything else is a fault. */
type Outcome = 'none' | 'all' | (string & {});

/** Goes through JSON. */
type Facts = Readonly<Record<string, Id>>;

export interface CrashOperation {
  prepare(store: Store, tag: string): Promise<Facts>;
  run(store: Store, tag: string, facts: Facts): Promise<unknown>;
  outcome(store: Store, tag: string, facts: Facts): Promise<Outcome>;
}

const ALL: UidRanges = [[1, 0xffff_ffff]];
const LONG = CHUNK_SIZE * 2 + 5;
/** More than fit into a journal. */
const MANY = 120;
const LATER = 2e12;

const address = (tag: string, name: string): string => `${name}@${tag}.example`;
const id = (facts: Facts, name: string): Id => facts[name] ?? '';

const makeAccount = async (store: Store, tag: string, name: string): Promise<Id> =>
  (await store.directory.create({ address: address(tag, name), passwordHash: name })).id;

/** An account with so many messages in INBOX, each a second reference to a content in Archive where `shared`. */
async function filled(store: Store, tag: string, count: number): Promise<{ account: Id; inbox: Id; other: Id }> {
  const account = await makeAccount(store, tag, 'a');
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      store.accept(sampleAcceptance(`${tag}-${i}`, { deliveries: [toInbox(account, ['$Label'])] })),
    ),
  );
  return { account, inbox: await mailboxId(store, account, 'INBOX'), other: await mailboxId(store, account, 'Trash') };
}

const counts = async (store: Store, mailboxes: readonly Id[]): Promise<string> => {
  const found: number[] = [];
  for (const mailbox of mailboxes) found.push((await readable(store, mailbox)).length);
  return found.join(' ');
};

/** Its rows; throws if one's content cannot be read. */
async function readable(store: Store, mailbox: Id): Promise<MessageRow[]> {
  const rows = await collect(store, mailbox, { envelope: true });
  const { uids } = (await store.mailboxes.open(mailbox, { claimRecent: false })) ?? {};
  if (uids.length !== rows.length) throw new Error(`${uids.length} messages, of which ${rows.length} have content`);
  for (const { content, size, prefix } of rows) {
    let octets = prefix.length;
    for await (const piece of store.content.stream(content)) octets += piece.length;
    if (octets !== size) throw new Error(`content ${content} has ${octets} of ${size} octets`);
  }
  return rows;
}

/** How many rows of this message there are. */
async function rowsOf(store: Store, account: Id, name: string, queueId: string): Promise<number> {
  const mailbox = await store.mailboxes.find(account, name);
  if (mailbox === null) return 0;
  return (await readable(store, mailbox.id)).filter(({ content }) => content === queueId).length;
}

const itemsOf = async (store: Store, queueId: string): Promise<number> =>
  (await listQueue(store, { queueIds: [queueId] })).length;

const oneOf = (seen: string, none: string, all: string): Outcome =>
  seen === none ? 'none' : seen === all ? 'all' : seen;

/** Long enough, ms. */
const LONG_TIME = 1e12;

/** How many expunged messages there are; throws if one's content cannot be read. */
async function keptOf(store: Store, facts: Facts): Promise<string> {
  const kept = await listKept(store, id(facts, 'account'));
  for (const { content } of kept) await store.content.read(content);
  return String(kept.length);
}

const withKept = async (store: Store, facts: Facts, mailbox: string, none: string, all: string): Promise<Outcome> =>
  oneOf(`${await counts(store, [id(facts, mailbox)])} and ${await keptOf(store, facts)}`, none, all);

async function expungeKept(store: Store, facts: Facts): Promise<void> {
  store.expunged.keepFor(LONG_TIME);
  await store.mailboxes.expunge(id(facts, 'inbox'), ALL, { force: true });
}

async function endKept(store: Store, _tag: string, facts: Facts): Promise<void> {
  store.expunged.keepFor(0);
  while ((await listKept(store, id(facts, 'account'))).length > 0) await setTimeout(5);
}

const queued = [queuedFor('x@far.example'), queuedFor('y@far.example')];

/** An acceptance for the INBOXes of accounts, or another mailbox, and so many queue items. */
function acceptance(names: readonly string[], items: number, mailbox = 'INBOX', long = false): CrashOperation {
  const content = async (store: Store, queueId: string): Promise<ContentDraft | null> => {
    if (!long) return null;
    const spool = store.content.spool();
    await spool.write(Buffer.alloc(LONG, queueId));
    return spool.finish();
  };
  return {
    prepare: async (store, tag) =>
      Object.fromEntries(await Promise.all(names.map(async (name) => [name, await makeAccount(store, tag, name)]))),
    async run(store, tag, facts) {
      const deliveries = names.map(
        (name): LocalDelivery => ({ ...toInbox(id(facts, name)), mailbox: { name: mailbox } }),
      );
      const accepted = sampleAcceptance(tag, { deliveries, queued: queued.slice(0, items) });
      const draft = await content(store, tag);
      await store.accept(draft === null ? accepted : { ...accepted, content: draft });
    },
    async outcome(store, tag, facts) {
      const rows: number[] = [];
      for (const name of names) rows.push(await rowsOf(store, id(facts, name), mailbox, tag));
      const found = await itemsOf(store, tag);
      return oneOf(
        [...rows, found].join(' '),
        [...names.map(() => 0), 0].join(' '),
        [...names.map(() => 1), items].join(' '),
      );
    },
  };
}

function copying(count: number, move: boolean): CrashOperation {
  return {
    prepare: (store, tag) => filled(store, tag, count),
    run: (store, _tag, facts) => store.mailboxes[move ? 'move' : 'copy'](id(facts, 'inbox'), ALL, id(facts, 'other')),
    outcome: async (store, _tag, facts) =>
      oneOf(
        await counts(store, [id(facts, 'inbox'), id(facts, 'other')]),
        `${count} 0`,
        `${move ? 0 : count} ${count}`,
      ),
  };
}

/** A message with two queue items, which are claimed where `claims`. */
function queueing(
  run: CrashOperation['run'],
  outcome: CrashOperation['outcome'],
  deliveries: readonly string[] = [],
): CrashOperation {
  return {
    async prepare(store, tag) {
      const account = await makeAccount(store, tag, 'a');
      await store.accept(sampleAcceptance(tag, { queued, deliveries: deliveries.map(() => toInbox(account)) }));
      return { account };
    },
    run,
    outcome,
  };
}

/** By destination: what other runs have in the queue is not touched. */
async function claimOf(store: Store, tag: string): Promise<Id[]> {
  const got = await store.queue.claim({ now: LATER, limit: 1000, leaseMs: 60_000, exclude: [] });
  const others = got.filter(({ queueId }) => queueId !== tag);
  await store.queue.settle(others.map(({ id }) => ({ item: id, outcome: 'released' })));
  return got.filter(({ queueId }) => queueId === tag).map(({ id }) => id);
}

/** Those that can be claimed, and are then given back. */
async function claimable(store: Store, tag: string): Promise<number> {
  const items = await claimOf(store, tag);
  await store.queue.settle(items.map((item) => ({ item, outcome: 'released' })));
  return items.length;
}

async function namesOf(store: Store, account: Id): Promise<string> {
  const standard = new Set(DEFAULT_MAILBOXES.map(({ name }) => name));
  const mailboxes = await store.mailboxes.list(account);
  return mailboxes
    .map(({ name }) => name)
    .filter((name) => !standard.has(name))
    .join(' ');
}

export const OPERATIONS: Readonly<Record<string, CrashOperation>> = {
  'a message for one account': acceptance(['a'], 0),
  'a message for three accounts': acceptance(['a', 'b', 'c'], 0),
  'a message for the queue': acceptance([], 2),
  'a message for an account and the queue': acceptance(['a'], 2),
  'a long message for an account and the queue': acceptance(['a'], 2, 'INBOX', true),
  'a message for a mailbox that does not exist yet': acceptance(['a'], 1, 'Lists/node'),
  'a spool that is discarded': {
    prepare: async () => ({}),
    async run(store) {
      const spool = store.content.spool();
      await spool.write(Buffer.alloc(LONG));
      await spool.discard();
    },
    outcome: async () => 'all',
  },
  'a late delivery': queueing(
    (store, tag, facts) => store.deliver(tag, tag, [toInbox(id(facts, 'account'))]),
    async (store, tag, facts) => {
      const seen = `${await rowsOf(store, id(facts, 'account'), 'INBOX', tag)} ${await itemsOf(store, tag)}`;
      return oneOf(seen, '0 2', '1 2');
    },
  ),
  'a late delivery, and the end of its item': queueing(
    async (store, tag, facts) => {
      const [item = ''] = await claimOf(store, tag);
      await store.deliver(tag, tag, [toInbox(id(facts, 'account'))]);
      await store.queue.settle([{ item, outcome: 'done' }]);
    },
    async (store, tag, facts) => {
      const seen = `${await rowsOf(store, id(facts, 'account'), 'INBOX', tag)} ${await claimable(store, tag)}`;
      return oneOf(seen === '1 2' ? '0 2' : seen, '0 2', '1 1');
    },
  ),
  'flags of messages': {
    prepare: (store, tag) => filled(store, tag, 5),
    run: (store, _tag, facts) =>
      store.mailboxes.store(id(facts, 'inbox'), [[2, 4]], { op: 'add', flags: ['\\Seen', '\\Deleted', '$New'] }),
    outcome: async (store, _tag, facts) => {
      const rows = await readable(store, id(facts, 'inbox'));
      return oneOf(rows.map(({ flags }) => flags.length).join(''), '11111', '14441');
    },
  },
  'a deleted mailbox whose messages are kept': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 4);
      const { id: box } = await store.mailboxes.create(facts.account, 'box');
      await store.mailboxes.move(facts.inbox, [[1, 3]], box);
      await store.mailboxes.expunge(box, [[1, 1]], { force: true });
      return { ...facts, box };
    },
    run(store, _tag, facts) {
      store.expunged.keepFor(LONG_TIME);
      return store.mailboxes.remove(id(facts, 'account'), 'box');
    },
    async outcome(store, _tag, facts) {
      const box = await store.mailboxes.find(id(facts, 'account'), 'box');
      return box === null
        ? oneOf(await keptOf(store, facts), '', '2')
        : withKept(store, facts, 'box', '2 and 0', 'not deleted');
    },
  },
  'an expunge': {
    prepare: async (store, tag) => {
      const facts = await filled(store, tag, 5);
      await store.mailboxes.copy(facts.inbox, [[1, 2]], facts.other);
      await store.mailboxes.store(facts.inbox, [[2, 4]], { op: 'add', flags: ['\\Deleted'] });
      return facts;
    },
    run: (store, _tag, facts) => store.mailboxes.expunge(id(facts, 'inbox')),
    outcome: async (store, _tag, facts) =>
      oneOf(await counts(store, [id(facts, 'inbox'), id(facts, 'other')]), '5 2', '2 2'),
  },
  'an expunge of messages that are kept': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 5);
      await store.mailboxes.copy(facts.inbox, [[1, 2]], facts.other);
      await store.mailboxes.store(facts.inbox, [[2, 4]], { op: 'add', flags: ['\\Deleted'] });
      return facts;
    },
    run(store, _tag, facts) {
      store.expunged.keepFor(LONG_TIME);
      return store.mailboxes.expunge(id(facts, 'inbox'));
    },
    outcome: (store, _tag, facts) => withKept(store, facts, 'inbox', '5 and 0', '2 and 3'),
  },
  'expunged messages that are brought back': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 3);
      await expungeKept(store, facts);
      return facts;
    },
    async run(store, _tag, facts) {
      const kept = await listKept(store, id(facts, 'account'));
      await store.expunged.restore(
        kept.map((message) => message.id),
        id(facts, 'inbox'),
      );
    },
    outcome: (store, _tag, facts) => withKept(store, facts, 'inbox', '0 and 3', '3 and 0'),
  },
  'expunged messages whose time is over': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 3);
      await store.mailboxes.copy(facts.inbox, [[1, 1]], facts.other);
      await expungeKept(store, facts);
      return facts;
    },
    run: endKept,
    async outcome(store, tag, facts) {
      await endKept(store, tag, facts);
      return (await counts(store, [id(facts, 'inbox'), id(facts, 'other')])) === '0 1' ? 'all' : 'messages are lost';
    },
  },
  'a copy': copying(3, false),
  'a copy of many messages': copying(MANY, false),
  'a move': copying(3, true),
  'a move of many messages': copying(MANY, true),
  'a new mailbox': {
    prepare: async (store, tag) => ({ account: await makeAccount(store, tag, 'a') }),
    run: (store, _tag, facts) => store.mailboxes.create(id(facts, 'account'), 'a/b/c', '\\Archive'),
    outcome: async (store, _tag, facts) => oneOf(await namesOf(store, id(facts, 'account')), '', 'a a/b a/b/c'),
  },
  'a mailbox that gets another name, with its inferiors': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 2);
      const { id: other } = await store.mailboxes.create(facts.account, 'a/b/c');
      await store.mailboxes.copy(facts.inbox, ALL, other);
      return { ...facts, other };
    },
    run: (store, _tag, facts) => store.mailboxes.rename(id(facts, 'account'), 'a', 'x/y'),
    async outcome(store, _tag, facts) {
      if ((await counts(store, [id(facts, 'other')])) !== '2') return 'its messages are not there';
      const names = await namesOf(store, id(facts, 'account'));
      // The superior of the new name is made first, as CREATE does.
      return oneOf(names.replace(/ x$/, ''), 'a a/b a/b/c', 'x x/y x/y/b x/y/b/c');
    },
  },
  'INBOX that gets another name': {
    prepare: (store, tag) => filled(store, tag, 3),
    run: (store, _tag, facts) => store.mailboxes.rename(id(facts, 'account'), 'INBOX', 'old'),
    async outcome(store, _tag, facts) {
      const old = await store.mailboxes.find(id(facts, 'account'), 'old');
      const inbox = await counts(store, [id(facts, 'inbox')]);
      return oneOf(`${inbox} ${old === null ? 0 : await counts(store, [old.id])}`, '3 0', '0 3');
    },
  },
  'a mailbox that is deleted': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 4);
      const { id: other } = await store.mailboxes.create(facts.account, 'old');
      await store.mailboxes.copy(facts.inbox, [[1, 2]], other);
      await store.mailboxes.move(facts.inbox, [[3, 4]], other);
      return { ...facts, other };
    },
    run: (store, _tag, facts) => store.mailboxes.remove(id(facts, 'account'), 'old'),
    async outcome(store, _tag, facts) {
      const old = await store.mailboxes.find(id(facts, 'account'), 'old');
      const inbox = await counts(store, [id(facts, 'inbox')]);
      return oneOf(`${inbox} ${old === null ? 'gone' : await counts(store, [old.id])}`, '2 4', '2 gone');
    },
  },
  'a new account': {
    prepare: async () => ({}),
    run: (store, tag) => makeAccount(store, tag, 'a'),
    async outcome(store, tag) {
      const account = await store.directory.find(address(tag, 'a'));
      if (account === null) return 'none';
      const [mailboxes, subscribed] = [
        await store.mailboxes.list(account.id),
        await store.mailboxes.subscriptions(account.id),
      ];
      return mailboxes.length === DEFAULT_MAILBOXES.length && subscribed.length === mailboxes.length ? 'all' : 'half';
    },
  },
  'accounts that get other addresses': {
    prepare: async (store, tag) => ({ a: await makeAccount(store, tag, 'a'), b: await makeAccount(store, tag, 'b') }),
    run: (store, tag, facts) =>
      store.directory.rename([
        { account: id(facts, 'a'), address: address(tag, 'new-a') },
        { account: id(facts, 'b'), address: address(tag, 'new-b') },
      ]),
    async outcome(store, tag, facts) {
      const now = [await store.directory.get(id(facts, 'a')), await store.directory.get(id(facts, 'b'))];
      const seen = now.map((account) => account?.address).join(' ');
      return oneOf(
        seen,
        `${address(tag, 'a')} ${address(tag, 'b')}`,
        `${address(tag, 'new-a')} ${address(tag, 'new-b')}`,
      );
    },
  },
  'an account that is removed': {
    async prepare(store, tag) {
      const facts = await filled(store, tag, 3);
      await store.mailboxes.copy(facts.inbox, [[1, 2]], facts.other);
      return facts;
    },
    run: (store, _tag, facts) => store.directory.remove(id(facts, 'account')),
    async outcome(store, tag, facts) {
      const account = await store.directory.find(address(tag, 'a'));
      if (account !== null) return oneOf(await counts(store, [id(facts, 'inbox'), id(facts, 'other')]), '3 2', '');
      return (await store.mailboxes.list(id(facts, 'account'))).length === 0 ? 'all' : 'mailboxes without an account';
    },
  },
  'items that are claimed': queueing(
    (store, tag) => claimOf(store, tag),
    async (store, tag) => ((await claimable(store, tag)) === 2 ? 'all' : 'items are lost'),
  ),
  'items that are done': queueing(
    async (store, tag) => {
      const items = await claimOf(store, tag);
      await store.queue.settle(items.map((item) => ({ item, outcome: 'done' })));
    },
    async (store, tag) => {
      const there = await store.content.read(tag).then(
        () => 'content',
        () => 'no content',
      );
      return oneOf(`${await claimable(store, tag)} ${there}`, '2 content', '0 no content');
    },
  ),
  'items that are done, of a message that is also in a mailbox': queueing(
    async (store, tag) => {
      const items = await claimOf(store, tag);
      await store.queue.settle(items.map((item) => ({ item, outcome: 'done' })));
    },
    async (store, tag, facts) => {
      const rows = await rowsOf(store, id(facts, 'account'), 'INBOX', tag);
      return oneOf(`${await claimable(store, tag)} ${rows}`, '2 1', '0 1');
    },
    ['INBOX'],
  ),
  'items that are deferred': queueing(
    async (store, tag) => {
      const items = await claimOf(store, tag);
      const reply = { code: 450, enhanced: '4.2.0', text: 'later' };
      await store.queue.settle(items.map((item) => ({ item, outcome: 'deferred', dueAt: 1.9e12, reply })));
    },
    async (store, tag) => {
      const items = await listQueue(store, { queueIds: [tag] });
      return oneOf(
        items.map(({ attempts, state }) => `${state} ${attempts}`).join(),
        'incoming 0,incoming 0',
        'deferred 1,deferred 1',
      );
    },
  ),
  'items that are released': queueing(
    async (store, tag) => {
      const items = await claimOf(store, tag);
      await store.queue.settle(items.map((item) => ({ item, outcome: 'released' })));
    },
    async (store, tag) => ((await claimable(store, tag)) === 2 ? 'all' : 'items are lost'),
  ),
  'items that the administrator removes': queueing(
    (store, tag) => store.queue.remove({ queueIds: [tag] }),
    async (store, tag) => oneOf(`${await claimable(store, tag)} ${await itemsOf(store, tag)}`, '2 2', '0 0'),
  ),
  'a text for SEARCH': {
    prepare: (store, tag) => filled(store, tag, 1),
    run: (store, tag) => store.mailboxes.putSearchText(`${tag}-0`, { body: 'body', headers: 'headers', head: null }),
    outcome: async (store, tag) => ((await store.mailboxes.searchText(`${tag}-0`)) === null ? 'none' : 'all'),
  },
  'an alias': {
    prepare: async () => ({}),
    run: (store, tag) => store.directory.setAlias(address(tag, 'alias'), [address(tag, 'a')]),
    outcome: async (store, tag) => ((await store.directory.aliases()).has(address(tag, 'alias')) ? 'all' : 'none'),
  },
};
