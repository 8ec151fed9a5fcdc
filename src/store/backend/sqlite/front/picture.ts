/**
 * One mailbox in memory: the UIDs, states, dates and sizes of its messages, at one MODSEQ. About 37 octets a message.
 */
import type { Columns, MailboxChanges, WholeMailbox } from '../calls.ts';
import { SEEN } from '../flags.ts';
import type { MailboxColumns } from '../mailbox-row.ts';
import { emptyColumns, KeywordSets } from '../reading/columns.ts';

/** The typed arrays of Columns. */
const ARRAYS = ['uids', 'modseqs', 'masks', 'keywords', 'internalDates', 'sizes', 'sentAts'] as const;
const OCTETS = 4 + 8 + 1 + 4 + 8 + 4 + 8;

export class Picture {
  mailbox: MailboxColumns;
  /** Keywords in use in the mailbox. */
  known: readonly string[];
  length: number;
  #columns: Columns;
  #sets: KeywordSets;
  /** Index of the first message without \Seen; -1: not known. */
  #firstUnseen = -1;

  constructor({ mailbox, known, columns }: WholeMailbox) {
    this.mailbox = mailbox;
    this.known = known;
    this.#columns = columns;
    this.#sets = new KeywordSets(columns.keywordSets);
    this.length = columns.uids.length;
  }

  /** Memory that it takes. */
  get octets(): number {
    return this.#columns.uids.length * OCTETS + 500;
  }

  /** Only the first `length` entries count; the arrays are the picture's own and change with it. */
  get columns(): Columns {
    return { ...this.#columns, keywordSets: this.#sets.all };
  }

  get uids(): Uint32Array {
    return this.#columns.uids.subarray(0, this.length);
  }

  /** UID of the first message without \Seen, or 0. */
  get firstUnseen(): number {
    const { masks, uids } = this.#columns;
    if (this.#firstUnseen < 0) {
      let i = 0;
      while (i < this.length && ((masks[i] ?? 0) & SEEN) !== 0) i += 1;
      this.#firstUnseen = i;
    }
    return this.#firstUnseen < this.length ? (uids[this.#firstUnseen] ?? 0) : 0;
  }

  /** How many UIDs are smaller. */
  lowerBound(uid: number): number {
    const { uids } = this.#columns;
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((uids[middle] ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Takes what changed since this MODSEQ or an earlier one; an older state than this one is ignored. False if the
   * changes do not fit, and the picture must be taken again.
   */
  apply({ mailbox, known, columns, vanished }: MailboxChanges & { readonly columns: Columns }): boolean {
    if (mailbox.modseq < this.mailbox.modseq) return true;
    const recentFrom = Math.max(mailbox.recent_from, this.mailbox.recent_from);
    this.mailbox = { ...mailbox, recent_from: recentFrom };
    this.known = known;
    if (vanished.length > 0) this.#remove(vanished);
    if (columns.uids.length > 0) this.#firstUnseen = -1;
    for (let i = 0; i < columns.uids.length; i += 1) {
      const uid = columns.uids[i] ?? 0;
      const index = this.lowerBound(uid);
      if (index === this.length) this.#grow();
      else if (this.#columns.uids[index] !== uid) return false;
      for (const name of ARRAYS) this.#columns[name][index] = columns[name][i] ?? 0;
      this.#columns.keywords[index] = this.#sets.indexOf(columns.keywordSets[columns.keywords[i] ?? 0] ?? '');
    }
    return this.length === mailbox.messages;
  }

  #grow(): void {
    this.length += 1;
    if (this.length <= this.#columns.uids.length) return;
    const grown = emptyColumns(this.length + Math.max(16, this.length >> 3));
    for (const name of ARRAYS) grown[name].set(this.#columns[name]);
    this.#columns = grown;
  }

  #remove(uids: readonly number[]): void {
    const gone = new Set(uids);
    let kept = 0;
    for (let i = 0; i < this.length; i += 1) {
      if (gone.has(this.#columns.uids[i] ?? 0)) continue;
      if (kept !== i) for (const name of ARRAYS) this.#columns[name][kept] = this.#columns[name][i] ?? 0;
      kept += 1;
    }
    this.length = kept;
    this.#firstUnseen = -1;
  }
}
