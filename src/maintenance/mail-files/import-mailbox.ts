/**
 * Brings the messages of one mailbox into the store, with their UIDs where they have some. Nothing is ever removed here:
 * to be repeated, it then adds what is new, and gives what it had brought the flags that it has there.
 *
 * A message whose UID is another message's here (mail has arrived here meanwhile), is below one that sessions have seen,
 * or that has none, gets the next one; a later run knows it by its octets.
 */
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { MessageRecord, StoredMailbox } from '../../store/transfer.ts';
import { type ImportedContent, importContent, isIntact } from '../imported-content.ts';
import { EVERY_UID, sameFlags } from '../rows.ts';
import type { Appender, NewMessage } from './aside.ts';
import type { FileMailbox, FileMessage, OnFault } from './mailbox.ts';

const queueIdOf = (digest: string): string => `import-${digest}`;

/** Written at a time. */
const BATCH_ROWS = 200;
const BATCH_OCTETS = 4 * 1024 * 1024;
/** Messages that are read and written while others wait for the disk. */
const AHEAD = 16;

export interface MailboxImport {
  readonly store: Store;
  readonly from: FileMailbox;
  readonly to: StoredMailbox;
  /** Whether `to` has the UIDs of `from`. */
  readonly keepsUids: boolean;
  /** Sessions may have `to` open. */
  readonly isSeen: boolean;
  /** A server has the store open. */
  readonly isServed: boolean;
  readonly appender: Appender;
  /** Contents that were compared already. */
  readonly verified: Set<Id>;
  onMessage(): void;
  onFault: OnFault;
}

export interface ImportedMailbox {
  readonly messages: number;
  readonly octets: number;
  readonly added: number;
  /** Those that did not keep the UID that they have there. */
  readonly renumbered: number;
}

export async function importMailboxMessages(job: MailboxImport): Promise<ImportedMailbox> {
  const work = new MailboxImporter(job);
  await work.readHere();
  const settle = async (begun: Begun): Promise<void> => {
    try {
      await work.take(begun);
    } catch (error) {
      // Whatever the store says ends the run: the other messages would meet it too.
      if (!(error instanceof NotBroughtError)) throw error;
      job.onFault(begun.message.place, `not brought: ${messageOf(error)}`);
    }
    job.onMessage();
  };
  const begun: Begun[] = [];
  for await (const message of job.from.messages()) {
    begun.push(work.begin(message));
    const first = begun.length > AHEAD ? begun.shift() : undefined;
    if (first !== undefined) await settle(first);
  }
  for (const one of begun) await settle(one);
  return await work.finish();
}

/** A message of which the store has a row, or whose content is on its way there. */
type Begun =
  | { readonly message: FileMessage; readonly here: MessageRow; readonly uid: null; readonly content: null }
  | {
      readonly message: FileMessage;
      readonly here: null;
      /** That it gets, if it can have the one that it has there. */
      readonly uid: number | null;
      readonly content: Promise<ImportedContent>;
    };

interface Added {
  readonly message: NewMessage;
  /** The UID that the other program has given it. */
  readonly was: number | null;
}

/** One message cannot be brought; the others can. */
class NotBroughtError extends Error {
  override readonly name = 'NotBroughtError';
}

async function* readable(octets: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* octets;
  } catch (error) {
    throw new NotBroughtError(messageOf(error), { cause: error });
  }
}

class MailboxImporter {
  readonly #job: MailboxImport;
  readonly #here = new Map<number, MessageRow>();
  /** What each UID must be at the end. */
  readonly #expected = new Map<number, Pick<MessageRecord, 'flags' | 'internalDate' | 'content' | 'size'>>();
  /** UIDs of messages that were taken, and are perhaps not written yet. */
  readonly #taken = new Set<number>();
  /** Rows here that no message has been found to be, by content; made when the first is asked for. */
  #unpaired: Map<Id, MessageRow[]> | null = null;
  #batch: Added[] = [];
  #batchOctets = 0;
  /** They get UIDs above all of those that the other program has given. */
  readonly #late: Added[] = [];
  #added = 0;
  #renumbered = 0;

  constructor(job: MailboxImport) {
    this.#job = job;
  }

  async readHere(): Promise<void> {
    const { store, to } = this.#job;
    for await (const rows of store.mailboxes.rows(to.id, EVERY_UID, {}))
      for (const row of rows) this.#here.set(row.uid, row);
  }

  /** In the order of the messages. Their contents then come into the store side by side. */
  begin(message: FileMessage): Begun {
    const { keepsUids, isSeen, to } = this.#job;
    const uid = keepsUids ? message.uid : null;
    const isFirst = uid !== null && !this.#taken.has(uid);
    const here = isFirst ? this.#here.get(uid) : undefined;
    // A name in a Maildir, and a UID in an mbox, stand for the same octets for ever.
    if (here?.internalDate === message.internalDate) {
      this.#taken.add(here.uid);
      return { message, here, uid: null, content: null };
    }
    const isNew = isFirst && here === undefined && (!isSeen || uid >= to.uidNext);
    if (isNew) this.#taken.add(uid);
    const content = importContent(this.#job.store, {
      octets: readable(message.octets()),
      queueIdOf,
      arrivedAt: message.internalDate,
      reversePath: '',
    });
    // It is awaited later.
    content.catch(() => {});
    return { message, here: null, uid: isNew ? uid : null, content };
  }

  async take({ message, here, uid, content }: Begun): Promise<void> {
    if (content === null) return this.#update(here, message);
    const { flags, internalDate } = message;
    const record = { ...(await content), flags, internalDate, prefix: '' };
    if (uid !== null) await this.#add({ message: { ...record, uid }, was: uid });
    else await this.#number(record, message.uid);
  }

  async finish(): Promise<ImportedMailbox> {
    await this.#flush();
    const { appender, from, keepsUids } = this.#job;
    if (keepsUids) await appender.raise(from.uidNext);
    while (this.#late.length > 0) await this.#write(this.#late.splice(0, BATCH_ROWS));
    const { messages, octets } = await this.#verify();
    await appender.end();
    return { messages, octets, added: this.#added, renumbered: this.#renumbered };
  }

  /** Compares what the mailbox has with what it must have, and each content with the digest that it was named by. */
  async #verify(): Promise<Pick<ImportedMailbox, 'messages' | 'octets'>> {
    const { store, to, from, verified, isSeen, isServed, onFault } = this.#job;
    const isChanging = isSeen && isServed;
    let octets = 0;
    const missing = new Map(this.#expected);
    for await (const rows of store.mailboxes.rows(to.id, EVERY_UID, {}))
      for (const row of rows) {
        const expected = missing.get(row.uid);
        if (expected === undefined) continue;
        missing.delete(row.uid);
        octets += row.size;
        const isSame =
          row.content === expected.content &&
          row.internalDate === expected.internalDate &&
          (isChanging || sameFlags(row.flags, expected.flags)) &&
          (verified.has(row.content) || (await isIntact(store, row.content, queueIdOf)));
        if (isSame) verified.add(row.content);
        else onFault(`${from.name} UID ${row.uid}`, 'differs after the import');
      }
    for (const uid of isChanging ? [] : missing.keys())
      onFault(`${from.name} UID ${uid}`, 'is not here after the import');
    return { messages: this.#expected.size, octets };
  }

  async #update(here: MessageRow, { flags }: Pick<FileMessage, 'flags'>): Promise<void> {
    this.#expected.set(here.uid, { ...here, flags });
    if (sameFlags(here.flags, flags)) return;
    await this.#job.store.mailboxes.store(this.#job.to.id, [[here.uid, here.uid]], { op: 'set', flags });
  }

  /** A message without a UID is the one here that has its octets and date, or gets the next UID. */
  async #number(record: Omit<NewMessage, 'uid'>, was: number | null): Promise<void> {
    this.#unpaired ??= Map.groupBy(
      [...this.#here.values()].filter(({ uid }) => !this.#expected.has(uid)),
      ({ content }) => content,
    );
    const known = this.#unpaired.get(record.content) ?? [];
    const at = known.findIndex(
      ({ uid, internalDate }) => internalDate === record.internalDate && !this.#expected.has(uid),
    );
    const [here] = at < 0 ? [] : known.splice(at, 1);
    if (here !== undefined) {
      if (was !== null) this.#renumbered += 1;
      this.#taken.add(here.uid);
      await this.#update(here, record);
      return;
    }
    const added = { message: { ...record, uid: null }, was };
    if (this.#job.isSeen && this.#job.keepsUids) this.#late.push(added);
    else await this.#add(added);
  }

  async #add(added: Added): Promise<void> {
    this.#batch.push(added);
    this.#batchOctets += added.message.size;
    if (this.#batch.length >= BATCH_ROWS || this.#batchOctets >= BATCH_OCTETS) await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#batchOctets = 0;
    if (this.#batch.length > 0) await this.#write(this.#batch.splice(0));
  }

  async #write(added: readonly Added[]): Promise<void> {
    const uids = await this.#job.appender.append(added.map(({ message }) => message));
    for (const [index, { message, was }] of added.entries()) {
      const uid = uids[index] ?? 0;
      this.#added += 1;
      if (was !== null && was !== uid) this.#renumbered += 1;
      this.#expected.set(uid, message);
    }
  }
}
