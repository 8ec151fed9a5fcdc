/**
 * Mailboxes in memory: what every message of one has, at one MODSEQ. A picture is never trusted: each use reads the
 * mailbox's document, and what changed since the picture's MODSEQ. Those used least recently go when all together have
 * more rows than the limit.
 */
import { LRUCache } from 'lru-cache';
import type { Database } from '../database/database.ts';
import {
  changedSince,
  keysUnder,
  type MailboxDocument,
  type MessageDocument,
  ROW_COLUMNS,
} from '../database/documents.ts';
import type { MailboxLog } from '../log/mailbox-log.ts';

/** Rows of all pictures together: about 300 octets each. */
const MOST_ROWS = 150_000;
/** Attempts at a mailbox from which messages vanish while it is read. */
const ATTEMPTS = 5;
/** Rows per answer of the database. */
const BATCH = 20_000;

export type PictureRow = Pick<
  MessageDocument,
  'uid' | 'modseq' | 'mask' | 'keywords' | 'date' | 'size' | 'sentAt' | 'content' | 'prefix'
>;

export interface Picture {
  readonly mailbox: MailboxDocument;
  /** Ascending by UID. */
  readonly rows: readonly PictureRow[];
}

type FoundRow = PictureRow & Pick<MessageDocument, 'gone'>;

/** For a projection. */
export const COLUMNS = { ...ROW_COLUMNS, modseq: 1 } as const;
const PROJECTION = { ...COLUMNS, gone: 1 };

export class Pictures {
  readonly #database: Database;
  readonly #mailboxes: MailboxLog;
  readonly #kept = new LRUCache<string, Picture>({
    maxSize: MOST_ROWS,
    sizeCalculation: ({ rows }) => rows.length + 1,
  });

  constructor(database: Database, mailboxes: MailboxLog) {
    this.#database = database;
    this.#mailboxes = mailboxes;
  }

  /** The mailbox as it is now. Throws MailboxError. */
  async of(id: string): Promise<Picture> {
    for (let attempt = 1; ; attempt += 1) {
      const mailbox = await this.#mailboxes.current(id);
      const kept = this.#kept.get(id);
      const rows = kept === undefined ? await this.#all(mailbox) : await this.#changed(mailbox, kept);
      const picture = { mailbox, rows: rows.filter(({ uid }) => uid < mailbox.uidNext) };
      // Fewer than the document says: some were expunged after it was read.
      if (picture.rows.length === mailbox.messages || attempt === ATTEMPTS) {
        this.#kept.set(id, picture);
        return picture;
      }
      this.#kept.delete(id);
    }
  }

  has(mailbox: string): boolean {
    return this.#kept.has(mailbox);
  }

  async #all(mailbox: MailboxDocument): Promise<readonly PictureRow[]> {
    const rows: PictureRow[] = [];
    const found = this.#database.messages.find<PictureRow>(
      { _id: keysUnder(mailbox._id), gone: { $exists: false } },
      { projection: PROJECTION, sort: { _id: 1 }, batchSize: BATCH },
    );
    for await (const row of found) rows.push(row);
    return rows;
  }

  async #changed(mailbox: MailboxDocument, kept: Picture): Promise<readonly PictureRow[]> {
    if (kept.mailbox.modseq === mailbox.modseq) return kept.rows;
    const found = await this.#database.messages
      .find<FoundRow>(changedSince(mailbox._id, kept.mailbox.modseq), {
        hint: 'modseq',
        projection: PROJECTION,
        batchSize: BATCH,
      })
      .toArray();
    const changed = new Map(found.map((row) => [row.uid, row]));
    const rows: PictureRow[] = [];
    for (const row of kept.rows) {
      const now = changed.get(row.uid);
      if (now === undefined) rows.push(row);
      else if (now.gone === undefined) rows.push(now);
      changed.delete(row.uid);
    }
    const last = rows.at(-1)?.uid ?? 0;
    const fresh = [...changed.values()].filter(({ gone }) => gone === undefined).sort((a, b) => a.uid - b.uid);
    rows.push(...fresh);
    // An append that another process decided before, and brought into the rows after one that was seen.
    return (fresh[0]?.uid ?? Number.POSITIVE_INFINITY) < last ? rows.sort((a, b) => a.uid - b.uid) : rows;
  }
}

/** Index of the first row whose UID is at least `uid`. */
export function firstFrom(rows: readonly PictureRow[], uid: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.uid ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
}
