/**
 * Brings the messages of one mailbox into the store, with their UIDs where they have some. Nothing is ever removed here:
 * to be repeated, it then adds what is new, and gives what it had brought the flags that it has there.
 *
 * A message whose UID is another message's here (mail has arrived here meanwhile), or that has none, gets the next one;
 * a later run knows it by its octets.
 */
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { MessageRecord, StoredMailbox } from '../../store/transfer.ts';
import { recordOf } from '../copy/mailbox.ts';
import { importContent, isIntact } from '../imported-content.ts';
import { EVERY_UID, sameFlags } from '../rows.ts';
import type { FileMailbox, FileMessage, OnFault } from './mailbox.ts';

const queueIdOf = (digest: string): string => `import-${digest}`;

/** Written at a time. */
const BATCH_ROWS = 200;
const BATCH_OCTETS = 4 * 1024 * 1024;
const LAST_UID = 0xffff_fffe;

export interface MailboxImport {
  readonly store: Store;
  readonly from: FileMailbox;
  readonly to: StoredMailbox;
  /** Whether `to` has the UIDs of `from`. */
  readonly keepsUids: boolean;
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
  for await (const message of job.from.messages()) {
    try {
      await work.take(message);
    } catch (error) {
      // Whatever the store says ends the run: the other messages would meet it too.
      if (!(error instanceof NotBroughtError)) throw error;
      job.onFault(message.place, `not brought: ${messageOf(error)}`);
    }
    job.onMessage();
  }
  await work.finish();
  return await work.verify();
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
  readonly #modseq: number;
  readonly #here = new Map<number, MessageRow>();
  /** What each UID must be at the end. */
  readonly #expected = new Map<number, Pick<MessageRecord, 'flags' | 'internalDate' | 'content' | 'size'>>();
  /** Rows here that no message has been found to be, by content; made when the first is asked for. */
  #unpaired: Map<Id, MessageRow[]> | null = null;
  #batch: MessageRecord[] = [];
  #batchOctets = 0;
  #next: number;
  #added = 0;
  #renumbered = 0;
  /** UIDNEXT of the mailbox as this run has written it. */
  #raisedTo = 0;

  constructor(job: MailboxImport) {
    this.#job = job;
    this.#modseq = job.to.highestModseq + (job.to.messages > 0 ? 1 : 0);
    this.#next = Math.max(job.to.uidNext, job.keepsUids ? job.from.uidNext : 1);
  }

  async readHere(): Promise<void> {
    const { store, to } = this.#job;
    for await (const rows of store.mailboxes.rows(to.id, EVERY_UID, {}))
      for (const row of rows) {
        this.#here.set(row.uid, row);
        this.#next = Math.max(this.#next, row.uid + 1);
      }
  }

  async take(message: FileMessage): Promise<void> {
    const uid = this.#job.keepsUids ? message.uid : null;
    const here = uid === null ? undefined : this.#here.get(uid);
    // A name in a Maildir, and a UID in an mbox, stand for the same octets for ever.
    if (uid !== null && here?.internalDate === message.internalDate && !this.#expected.has(uid)) {
      await this.#update(here, message);
      return;
    }
    const { flags, internalDate } = message;
    const content = await importContent(this.#job.store, {
      octets: readable(message.octets()),
      queueIdOf,
      arrivedAt: internalDate,
      reversePath: '',
    });
    const record = { ...content, flags, internalDate, prefix: '', modseq: this.#modseq };
    if (uid !== null && here === undefined && !this.#expected.has(uid)) await this.#add({ ...record, uid });
    else await this.#number(record, message.uid !== null);
  }

  async finish(): Promise<void> {
    await this.#flush();
    const { store, to, from, keepsUids } = this.#job;
    const uidNext = Math.max(this.#next, keepsUids ? from.uidNext : 1);
    if (uidNext <= Math.max(to.uidNext, this.#raisedTo)) return;
    await store.transfer.putMailbox({ ...recordOf(to), uidNext, highestModseq: this.#modseq }, to.id);
  }

  /** Compares what the mailbox has with what it must have, and each content with the digest that it was named by. */
  async verify(): Promise<ImportedMailbox> {
    const { store, to, from, verified, onFault } = this.#job;
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
          sameFlags(row.flags, expected.flags) &&
          (verified.has(row.content) || (await isIntact(store, row.content, queueIdOf)));
        if (isSame) verified.add(row.content);
        else onFault(`${from.name} UID ${row.uid}`, 'differs after the import');
      }
    for (const uid of missing.keys()) onFault(`${from.name} UID ${uid}`, 'is not here after the import');
    return { messages: this.#expected.size, octets, added: this.#added, renumbered: this.#renumbered };
  }

  async #update(here: MessageRow, { flags }: Pick<FileMessage, 'flags'>): Promise<void> {
    this.#expected.set(here.uid, { ...here, flags });
    if (!sameFlags(here.flags, flags)) await this.#write({ ...here, flags, modseq: this.#modseq });
  }

  async #add(record: MessageRecord): Promise<void> {
    this.#added += 1;
    this.#expected.set(record.uid, record);
    this.#next = Math.max(this.#next, record.uid + 1);
    await this.#write(record);
  }

  /** A message without a UID is the one here that has its octets and date, or gets the next UID. */
  async #number(record: Omit<MessageRecord, 'uid'>, hadUid: boolean): Promise<void> {
    this.#unpaired ??= Map.groupBy(
      [...this.#here.values()].filter(({ uid }) => !this.#expected.has(uid)),
      ({ content }) => content,
    );
    const known = this.#unpaired.get(record.content) ?? [];
    const at = known.findIndex(
      ({ uid, internalDate }) => internalDate === record.internalDate && !this.#expected.has(uid),
    );
    const [here] = at < 0 ? [] : known.splice(at, 1);
    if (hadUid) this.#renumbered += 1;
    if (here !== undefined) await this.#update(here, record);
    else if (this.#next > LAST_UID) throw new NotBroughtError('there are no more UIDs in this mailbox');
    else await this.#add({ ...record, uid: this.#next });
  }

  async #write(record: MessageRecord): Promise<void> {
    this.#batch.push(record);
    this.#batchOctets += record.size;
    if (this.#batch.length >= BATCH_ROWS || this.#batchOctets >= BATCH_OCTETS) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    const { store, to } = this.#job;
    if (this.#next > this.#raisedTo) {
      // First: should a server be started after an interruption, it gives neither these UIDs nor this MODSEQ again.
      await store.transfer.putMailbox({ ...recordOf(to), uidNext: this.#next, highestModseq: this.#modseq }, to.id);
      this.#raisedTo = this.#next;
    }
    const records = this.#batch.splice(0);
    this.#batchOctets = 0;
    await store.transfer.putMessages(to.id, records);
  }
}
