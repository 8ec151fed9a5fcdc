/**
 * What other processes change, for the sessions of this one: within a second. Where the server has change streams they
 * tell which mailboxes and accounts changed; otherwise those that sessions have open are asked for twice a second.
 */
import type { ChangeStream } from 'mongodb';
import type { Context } from '../context.ts';
import { accountOfMailbox, type MailboxDocument, someMailboxes } from '../database/documents.ts';
import { slices } from '../database/references.ts';
import type { MongoDirectory } from '../directory.ts';
import type { Watchers } from '../mailboxes/watchers.ts';

/** Time between two looks without change streams, and beside them, ms: a stream may have lost something. */
const POLL = 400;
const POLL_BESIDE = 10_000;
/** A stream that broke is opened again after this time, ms. */
const REOPEN = 5000;
/** Mailboxes per query. */
const SLICE = 1000;

const FOLLOWED = ['mailboxes', 'accounts'] as const;
type Followed = (typeof FOLLOWED)[number];

interface Fields {
  readonly modseq?: unknown;
  readonly name?: unknown;
}
interface Event {
  readonly documentKey?: { readonly _id?: unknown };
  readonly updateDescription?: { readonly updatedFields?: Fields };
}

const PROJECTION = {
  documentKey: 1,
  'updateDescription.updatedFields.modseq': 1,
  'updateDescription.updatedFields.name': 1,
};

export class Feed {
  readonly #context: Context;
  readonly #watchers: Watchers;
  readonly #directory: MongoDirectory;
  readonly #names = new Map<string, string>();
  readonly #streams = new Set<ChangeStream>();
  #streaming = 0;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(context: Context, watchers: Watchers, directory: MongoDirectory) {
    this.#context = context;
    this.#watchers = watchers;
    this.#directory = directory;
  }

  /** `streams`: the server has change streams. */
  start(streams: boolean): void {
    if (streams) for (const collection of FOLLOWED) this.#open(collection);
    this.#later();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all([this.#looking, ...[...this.#streams].map((stream) => stream.close().catch(() => {}))]);
  }

  #hear(collection: Followed, id: string, { modseq, name }: Fields): void {
    if (collection === 'accounts') {
      this.#directory.changed(id).catch((error: unknown) => {
        // The next look comes.
        this.#context.log.debug({ err: error, account: id }, 'a change of an account cannot be read now');
      });
      return;
    }
    if (typeof name === 'string') this.#watchers.tellTree(accountOfMailbox(id), id);
    if (typeof modseq === 'number') this.#watchers.heard(id, modseq, this.#context.mailboxes);
  }

  #open(collection: Followed): void {
    if (this.#closed) return;
    const stream = this.#context.database.db
      .collection(collection)
      .watch([{ $project: PROJECTION }], { maxAwaitTimeMS: 500 });
    this.#streams.add(stream);
    this.#streaming += 1;
    stream.on('change', (event: Event) => {
      const id = event.documentKey?._id;
      if (typeof id === 'string') this.#hear(collection, id, event.updateDescription?.updatedFields ?? {});
    });
    const end = (): void => {
      if (!this.#streams.delete(stream)) return;
      this.#streaming -= 1;
      // Until then the looks are frequent.
      this.#later(0);
      stream.close().catch(() => {});
      setTimeout(() => this.#open(collection), REOPEN).unref();
    };
    stream.on('error', end);
    stream.on('close', end);
  }

  #later(after = this.#streaming === FOLLOWED.length ? POLL_BESIDE : POLL): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().catch((error: unknown) => {
        this.#context.log.debug({ err: error }, 'changes of other processes cannot be read now');
      });
      void this.#looking.then(() => this.#later());
    }, after).unref();
  }

  async #look(): Promise<void> {
    const { database, mailboxes } = this.#context;
    const open = [...this.#watchers.open];
    for (const some of slices(open, SLICE)) {
      const found = await database.mailboxes
        .find<Pick<MailboxDocument, '_id' | 'modseq' | 'name'>>(someMailboxes(some), {
          projection: { modseq: 1, name: 1 },
          batchSize: SLICE + 1,
        })
        .toArray();
      const now = new Map(found.map((mailbox) => [mailbox._id, mailbox]));
      for (const id of some) {
        const mailbox = now.get(id);
        this.#compareName(id, mailbox?.name ?? '');
        if (mailbox !== undefined) this.#watchers.heard(id, mailbox.modseq, mailboxes);
      }
    }
    for (const id of this.#names.keys()) if (!this.#watchers.isOpen(id)) this.#names.delete(id);
    await this.#directory.refresh();
  }

  /** A mailbox that was renamed or removed. */
  #compareName(id: string, name: string): void {
    const before = this.#names.get(id);
    this.#names.set(id, name);
    if (before !== undefined && before !== name) this.#watchers.tellTree(accountOfMailbox(id), id);
  }
}
