/**
 * Pictures of mailboxes, kept in memory: SELECT, SEARCH by flags, dates and sizes, and POP3 answer from them.
 *
 * A picture is never trusted: each use reads the mailbox's row and what changed since the picture's MODSEQ, in one
 * transaction, so that it is what a fresh read would give, whoever wrote. Those used least recently go when all
 * together take more than the limit.
 */
import { LRUCache } from 'lru-cache';
import { MailboxError } from '../../../mailboxes.ts';
import type { Read } from '../calls.ts';
import { Picture } from './picture.ts';

/** Octets of all pictures together: those of 400,000 messages. */
const MOST_OCTETS = 16 * 1024 * 1024;
/** Messages read in one call: so many take 40 ms, and other sessions' reads wait behind it. */
const SECTION = 20_000;
/** More messages than a mailbox can have. */
const EVERY = 2 ** 32;

export class Pictures {
  readonly #read: Read;
  readonly #section: number;
  readonly #pictures: LRUCache<number, Picture>;
  /** Mailboxes that are being read as a whole: who comes meanwhile waits, and then reads what changed. */
  readonly #reading = new Map<number, Promise<Picture>>();

  constructor(read: Read, mostOctets = MOST_OCTETS, section = SECTION) {
    this.#read = read;
    this.#section = section;
    this.#pictures = new LRUCache<number, Picture>({
      maxSize: mostOctets,
      sizeCalculation: (picture) => picture.octets,
    });
  }

  /**
   * The mailbox as it is now. The caller uses the picture before it awaits anything else. Rejects with MailboxError.
   */
  async of(mailbox: number): Promise<Picture> {
    const reading = this.#reading.get(mailbox);
    let kept = this.#pictures.get(mailbox);
    if (kept === undefined && reading !== undefined) kept = await reading.catch(() => undefined);
    if (kept === undefined) return this.#whole(mailbox);
    try {
      const changes = await this.#read('mailboxChanges', { mailbox, modseq: kept.mailbox.modseq });
      const { columns } = changes;
      const { octets } = kept;
      if (columns === undefined || !kept.apply({ ...changes, columns })) return this.#whole(mailbox);
      if (kept.octets !== octets && this.#pictures.peek(mailbox) === kept) {
        this.#pictures.delete(mailbox);
        this.#pictures.set(mailbox, kept);
      }
      return kept;
    } catch (error) {
      if (error instanceof MailboxError) this.#pictures.delete(mailbox);
      throw error;
    }
  }

  /** Whether a picture is kept. */
  has(mailbox: number): boolean {
    return this.#pictures.has(mailbox);
  }

  /** The same if a picture is kept; null if not, or if the mailbox is gone. */
  async kept(mailbox: number): Promise<Picture | null> {
    if (!this.has(mailbox)) return null;
    return this.of(mailbox).catch((error: unknown) => {
      if (error instanceof MailboxError) return null;
      throw error;
    });
  }

  /** Of two readings at the same time the later state is kept. */
  #whole(mailbox: number): Promise<Picture> {
    const reading = this.#readSections(mailbox, this.#section)
      .then((picture) => {
        const kept = this.#pictures.get(mailbox);
        if (kept !== undefined && kept.mailbox.modseq > picture.mailbox.modseq) return kept;
        this.#pictures.set(mailbox, picture);
        return picture;
      })
      .finally(() => {
        if (this.#reading.get(mailbox) === reading) this.#reading.delete(mailbox);
      });
    this.#reading.set(mailbox, reading);
    return reading;
  }

  async #readSections(mailbox: number, most: number): Promise<Picture> {
    const first = await this.#read('mailboxSection', { mailbox, after: 0, most });
    const picture = new Picture(first);
    if (picture.length < most) return picture;
    for (let read = most; read === most; ) {
      const after = picture.uids.at(-1) ?? 0;
      // Later ones are among the changes.
      if (after + 1 >= first.mailbox.uid_next) break;
      const { columns } = await this.#read('mailboxSection', { mailbox, after, most });
      picture.append(columns);
      read = columns.uids.length;
    }
    // The sections are of different states.
    const { columns, ...changes } = await this.#read('mailboxChanges', { mailbox, modseq: first.mailbox.modseq });
    const fits = columns !== undefined && picture.apply({ ...changes, columns });
    // It changes too quickly to be read in parts.
    return fits ? picture : this.#readSections(mailbox, EVERY);
  }
}
