/** A store with mail of every kind, random changes to it, and all that it has as plain data. */
import { createHash } from 'node:crypto';
import type { Account, Id } from '../../src/mail/account.ts';
import { SYSTEM_FLAGS } from '../../src/mail/mailbox.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import type { MessageRow, UidRanges } from '../../src/store/mailboxes.ts';
import type { StateEntry } from '../../src/store/plugin-states.ts';
import type { Store } from '../../src/store/store.ts';
import { collect, listQueue } from '../store/conformance.ts';
import { listKept } from '../store/expunged.ts';
import { queuedFor } from '../store/samples.ts';

const NAMES = ['INBOX', 'Sent', 'Archive', '收件箱/工作', 'Entwürfe', 'a/b/c', 'INBOX/lists'];
const KEYWORDS = ['$Forwarded', 'Work', 'später', '$Junk'];
const ALL: UidRanges = [[1, 0xffff_ffff]];

/** Numbers below a limit; the same ones for the same seed. */
export type Random = (limit: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const pick = <T>(random: Random, among: readonly T[]): T => {
  const picked = among[random(among.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
};

/** Every second message has an attachment; some are longer than a chunk, one is empty. */
function octetsOf(serial: number): Buffer {
  if (serial % 97 === 0) return Buffer.alloc(0);
  const text = `From: Jörg <j@example.org>\r\nTo: 西西 <xixi@example.org>\r\nSubject: =?utf-8?q?n=C2=BA_${serial}?=\r\nMessage-Id: <${serial}@example.org>\r\nDate: Fri, 20 Nov 2026 22:00:00 +0800\r\n`;
  const lines = serial % 60 === 7 ? Math.ceil((CHUNK_SIZE * 2.3) / 30) : serial % 40;
  const body = `line of the message ${serial} 你好\r\n`.repeat(lines);
  if (serial % 2 === 0) return Buffer.from(`${text}\r\n${body}`);
  return Buffer.from(
    `${text}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${body}\r\n--b\r\nContent-Type: image/png\r\n\r\nAAAA\r\n--b--\r\n`,
  );
}

export class VariedStore {
  readonly store: Store;
  readonly random: Random;
  #serial = 0;

  constructor(store: Store, random: Random) {
    this.store = store;
    this.random = random;
  }

  /** Some accounts with some hundred messages. */
  async fill(messages: number): Promise<void> {
    this.store.expunged.keepFor(1e12);
    for (let i = 0; i < 4; i += 1) await this.addAccount(`user${i}@example.org`);
    await Promise.all(Array.from({ length: messages }, () => this.deliver()));
    for (let i = 0; i < 80; i += 1) await this.change();
    for (let i = 0; i < 130; i += 1)
      await this.store.pluginStates.put(
        { plugin: 'many', key: `${this.random(1000)}` },
        { value: String(i), expiresAt: null },
        0,
      );
  }

  async addAccount(address: string): Promise<void> {
    const { directory } = this.store;
    if ((await directory.find(address)) !== null) return;
    const { id } = await directory.create({
      address,
      passwordHash: `{PLAIN}${this.#serial}`,
      quota: this.random(2) * 1e9,
    });
    if (this.random(3) === 0) await directory.update(id, { disabled: true });
    if (this.random(3) === 0)
      await directory.update(id, { forwarding: { targets: ['far@example.org', address], keep: this.random(2) === 0 } });
  }

  /** A message for some of the accounts, and some elsewhere. */
  async deliver(): Promise<void> {
    this.#serial += 1;
    const serial = this.#serial;
    const accounts = await this.store.directory.list();
    const flags = this.flags();
    const bytes = octetsOf(serial);
    const spool = this.store.content.spool();
    await spool.write(bytes);
    const queued = serial % 9 === 0 ? ['a@far.example', 'b@far.example', 'c@other.example'].slice(this.random(3)) : [];
    await this.store.accept({
      queueId: `Q${serial}`,
      arrivedAt: 1_790_000_000_000 + serial,
      envelope: {
        reversePath: serial % 5 === 0 ? '' : 'sender@example.org',
        ret: serial % 3 === 0 ? 'HDRS' : '',
        envid: `e${serial}`,
        smtputf8: serial % 4 === 0,
        body: serial % 2 === 0 ? '7BIT' : '8BITMIME',
      },
      content: await spool.finish(),
      index: indexMessage(bytes),
      deliveries: accounts
        .filter((_, index) => queued.length === 0 && (index + serial) % 3 === 0)
        .map(({ id }) => ({
          account: id,
          mailbox: { name: pick(this.random, NAMES) },
          prefix: `Delivered-To: user${serial % 11}@example.org\r\n`,
          flags,
          internalDate: 1_795_000_000_000 + serial,
        })),
      queued: queued.map((recipient) => ({
        ...queuedFor(recipient),
        ...(serial % 4 === 1
          ? { client: { name: `n${serial}`, source: 'REMOTE' as const }, verp: '+=', reports: true as const }
          : {}),
        state: serial % 2 === 0 ? 'hold' : 'incoming',
      })),
    });
  }

  /** One random change, among the usual ones or those that happen once in a while. */
  async change(among: readonly Change[] = CHANGES): Promise<void> {
    const change = pick(this.random, among);
    const accounts = await this.store.directory.list();
    if (accounts.length === 0) await this.addAccount('user0@example.org');
    else await change(this, pick(this.random, accounts));
  }

  flags(): readonly string[] {
    return [...SYSTEM_FLAGS, ...KEYWORDS].filter(() => this.random(4) === 0);
  }
}

type Change = (varied: VariedStore, account: Account) => Promise<unknown>;

/** Refusals (a name that is taken, a mailbox that is gone) are changes that did not happen. */
const tried =
  (change: Change): Change =>
  (varied, account) =>
    change(varied, account).catch(() => undefined);

async function anyMailbox({ store, random }: VariedStore, account: Account): Promise<{ id: Id; name: string }> {
  return pick(random, await store.mailboxes.list(account.id));
}

function someUids({ random }: VariedStore): UidRanges {
  const first = 1 + random(40);
  return [[first, first + random(8)]];
}

const changeFlags: Change = async (varied, account) =>
  varied.store.mailboxes.store((await anyMailbox(varied, account)).id, someUids(varied), {
    op: pick(varied.random, ['set', 'add', 'remove'] as const),
    flags: varied.flags(),
  });

const CHANGES: readonly Change[] = [
  (varied) => varied.deliver(),
  (varied) => varied.deliver(),
  changeFlags,
  changeFlags,
  async ({ store, random }, account) => {
    const kept = await listKept(store, account.id);
    const some = kept.filter(() => random(3) === 0).map(({ id }) => id);
    await store.expunged.restore(some, pick(random, await store.mailboxes.list(account.id)).id);
  },
  async (varied, account) =>
    varied.store.mailboxes.expunge((await anyMailbox(varied, account)).id, someUids(varied), { force: true }),
  tried(async (varied, account) => {
    const [from, to] = [await anyMailbox(varied, account), await anyMailbox(varied, account)];
    await varied.store.mailboxes.move(from.id, someUids(varied), to.id);
  }),
  tried(async (varied, account) => {
    const [from, to] = [await anyMailbox(varied, account), await anyMailbox(varied, account)];
    await varied.store.mailboxes.copy(from.id, someUids(varied), to.id);
  }),
  tried(({ store, random }, account) => store.mailboxes.create(account.id, `new/${random(5)}`, '\\Archive')),
  tried(async (varied, account) => {
    const { name } = await anyMailbox(varied, account);
    await varied.store.mailboxes.rename(account.id, name, `renamed ${varied.random(6)}`);
  }),
  // Two change names.
  tried(async (varied, account) => {
    const { mailboxes } = varied.store;
    const [one, two] = [await anyMailbox(varied, account), await anyMailbox(varied, account)];
    if (one.name === 'INBOX' || two.name === 'INBOX' || one.name.includes('/') || two.name.includes('/')) return;
    await mailboxes.rename(account.id, one.name, 'between');
    await mailboxes.rename(account.id, two.name, one.name);
    await mailboxes.rename(account.id, 'between', two.name);
  }),
  tried(async (varied, account) => varied.store.mailboxes.remove(account.id, (await anyMailbox(varied, account)).name)),
  async (varied, account) => varied.store.mailboxes.open((await anyMailbox(varied, account)).id, { claimRecent: true }),
  ({ store, random }, account) => store.mailboxes.subscribe(account.id, pick(random, NAMES), random(2) === 0),
  ({ store, random }, account) => store.directory.update(account.id, { passwordHash: `{PLAIN}${random(1000)}` }),
  ({ store, random }) =>
    store.directory.setAlias(`alias${random(4)}@example.org`, ['user0@example.org', 'x@far.example'].slice(random(3))),
  async ({ store, random }) => {
    const of = {
      plugin: pick(random, ['grey', 'grey-list', '@a/list']),
      key: `${pick(random, ['', '你', '😀', '~'])}${random(300)}`,
    };
    const value = random(4) === 0 ? null : JSON.stringify({ n: random(10), text: 'ü😀' });
    await store.pluginStates.put(of, { value, expiresAt: random(2) === 0 ? null : 1e13 + random(100) }, 0);
  },
  ({ store, random }) => store.directory.setDomain(`domain${random(3)}.example`, random(2) === 0),
  async ({ store, random }) => {
    const items = await store.queue.claim({ now: 2e12, limit: 3, leaseMs: 1000, exclude: [] });
    await store.queue.settle(
      items.map(({ id }, i) =>
        (i + random(2)) % 2 === 0
          ? { item: id, outcome: 'done' }
          : {
              item: id,
              outcome: 'deferred',
              dueAt: 1_900_000_000_000 + random(1000),
              reply: { code: 450, enhanced: '4.2.0', text: `später ${random(10)}` },
              warned: random(2) === 0,
            },
      ),
    );
  },
  async ({ store, random }) => store.queue.hold({ destination: pick(random, ['far.example', 'other.example']) }),
  async ({ store, random }) =>
    random(2) === 0 && store.queue.release({ destination: 'far.example' }, 1_850_000_000_000),
];

/** Changes that happen once in a while. */
export const LARGE_CHANGES: readonly Change[] = [
  ({ store }, account) => store.directory.remove(account.id),
  // Another account of the same address.
  async (varied, account) => {
    await varied.store.directory.remove(account.id);
    await varied.addAccount(account.address);
  },
  tried(({ store, random }, account) =>
    store.directory.rename([{ account: account.id, address: `other${random(3)}@example.org` }]),
  ),
  (varied) => varied.addAccount(`user${varied.random(8)}@example.org`),
];

/** Everything but ids. Two stores with the same mail have the same. */
export async function dump(store: Store): Promise<unknown> {
  const accounts: unknown[] = [];
  for (const { id, ...account } of await store.directory.list()) {
    const mailboxes: unknown[] = [];
    for (const mailbox of await store.mailboxes.list(id)) {
      const { id: _, account: __, ...status } = await store.mailboxes.status(mailbox.id);
      const { recentFrom, firstUnseen } = await store.mailboxes.open(mailbox.id, { claimRecent: false });
      const columns = { envelope: true, bodyStructure: true, root: true, search: true };
      const rows = (await collect(store, mailbox.id, columns, ALL)).map((row) => rowOf(row));
      const contents = await contentsOf(store, await collect(store, mailbox.id));
      mailboxes.push({ status, recentFrom, firstUnseen, rows, contents });
    }
    const kept = await listKept(store, id);
    const expunged = kept.map(({ id: _, content: __, flags, ...one }) => ({ ...one, flags: flags.toSorted() }));
    mailboxes.push({ expunged, contents: await contentsOf(store, kept) });
    accounts.push({ account, mailboxes, subscriptions: await store.mailboxes.subscriptions(id) });
  }
  const queue = await listQueue(store);
  const contents = await contentsOf(store, queue);
  const items = queue
    .map(({ id, content, active, ...item }, i) => ({
      name: JSON.stringify([item.queueId, item.recipient, item.original]),
      item,
      content: contents[i],
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { directory } = store;
  const states: StateEntry[] = [];
  for (let page = await store.pluginStates.entries(null); page.length > 0; ) {
    states.push(...page);
    page = await store.pluginStates.entries(page.at(-1) ?? null);
  }
  const aliases = [...(await directory.aliases())].sort();
  return { accounts, items, states, aliases, domains: await directory.domains() };
}

const rowOf = ({ content: _, flags, ...row }: MessageRow) => ({ ...row, flags: flags.toSorted() });

async function contentsOf(store: Store, using: readonly { readonly content: Id }[]): Promise<unknown[]> {
  const contents: unknown[] = [];
  for (const { content } of using) {
    const [record] = await store.transfer.contentRecords([content]);
    const octets = createHash('sha256');
    for await (const piece of store.content.stream(content)) octets.update(piece);
    contents.push({ ...record, octets: octets.digest('hex') });
  }
  return contents;
}
