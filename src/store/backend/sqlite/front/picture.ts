/**
 * One mailbox in memory: the UIDs, states, dates and sizes of its messages, at one MODSEQ. About 50 octets a message,
 * and each different prefix once.
 */
import { lowerBound } from '../../../../lower-bound.ts';
import { SEEN } from '../../flags.ts';
import { type Columns, type MailboxChanges, type MailboxSection, NOT_KEPT } from '../calls.ts';
import type { MailboxColumns } from '../mailbox-row.ts';
import { emptyColumns, Interned, MOST_PREFIXES } from '../reading/columns.ts';

/** The typed arrays of Columns. */
const ARRAYS = [
  'uids',
  'modseqs',
  'masks',
  'keywords',
  'internalDates',
  'sizes',
  'sentAts',
  'contents',
  'prefixes',
] as const;
const OCTETS = 4 + 8 + 1 + 4 + 8 + 4 + 8 + 8 + 4;
/** Of an interned text, beside its characters. */
const TEXT_OCTETS = 100;
/** Fewer entries are copied faster one by one. */
const SHORT_RUN = 64;

export class Picture {
  mailbox: MailboxColumns;
  /** Keywords in use in the mailbox. */
  known: readonly string[];
  length: number;
  #columns: Columns;
  readonly #sets: Interned;
  readonly #prefixes: Interned;
  /** Index of the first message without \Seen; -1: not known. */
  #firstUnseen = -1;

  /** `columns` are of the first messages; `append` adds the others. */
  constructor({ mailbox, known, columns }: MailboxSection) {
    this.mailbox = mailbox;
    this.known = known;
    this.#columns = columns;
    this.#sets = new Interned(columns.keywordSets);
    this.#prefixes = new Interned(columns.prefixSets, MOST_PREFIXES);
    this.length = columns.uids.length;
  }

  /** Adds messages with higher UIDs, which may be of a later state: apply what changed since this MODSEQ at the end. */
  append(columns: Columns): void {
    const start = this.length;
    const count = columns.uids.length;
    this.#makeRoom(start + count);
    for (const name of ARRAYS) this.#columns[name].set(columns[name], start);
    const sets = columns.keywordSets.map((text) => this.#sets.indexOf(text));
    const prefixes = columns.prefixSets.map((text) => this.#prefixes.indexOf(text));
    for (let i = 0; i < count; i += 1) {
      this.#columns.keywords[start + i] = sets[columns.keywords[i] ?? 0] ?? 0;
      this.#columns.prefixes[start + i] = prefixes[columns.prefixes[i] ?? NOT_KEPT] ?? NOT_KEPT;
    }
    this.length += count;
    this.#firstUnseen = -1;
  }

  /** Memory that it takes. */
  get octets(): number {
    const texts = [this.#sets, this.#prefixes].reduce(
      (sum, { all, length }) => sum + length + all.length * TEXT_OCTETS,
      0,
    );
    return this.#columns.uids.length * OCTETS + texts + 500;
  }

  /**
   * Only the first `length` entries count. The arrays are the picture's own: flags in them may change, but whatever
   * comes or goes, an index stays the same message's.
   */
  get columns(): Columns {
    return { ...this.#columns, keywordSets: this.#sets.all, prefixSets: this.#prefixes.all };
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
    return lowerBound(this.#columns.uids, this.length, uid);
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
      if (index === this.length) {
        this.#makeRoom(index + 1);
        this.length += 1;
      } else if (this.#columns.uids[index] !== uid) return false;
      for (const name of ARRAYS) this.#columns[name][index] = columns[name][i] ?? 0;
      this.#columns.keywords[index] = this.#sets.indexOf(columns.keywordSets[columns.keywords[i] ?? 0] ?? '');
      const prefix = columns.prefixes[i] ?? 0;
      if (prefix !== NOT_KEPT) this.#columns.prefixes[index] = this.#prefixes.indexOf(columns.prefixSets[prefix] ?? '');
    }
    return this.length === mailbox.messages;
  }

  #makeRoom(length: number): void {
    if (length <= this.#columns.uids.length) return;
    const grown = emptyColumns(withRoom(length));
    for (const name of ARRAYS) grown[name].set(this.#columns[name]);
    this.#columns = grown;
  }

  /** Into new arrays: whoever uses the old ones goes on with the messages that were there. */
  #remove(uids: readonly number[]): void {
    const runs = runsWithout(this.uids, uids);
    const length = runs.reduce((sum, [from, to]) => sum + to - from, 0);
    const left = emptyColumns(withRoom(length));
    for (const name of ARRAYS) copyRuns(this.#columns[name], left[name], runs);
    this.#columns = left;
    this.length = length;
    this.#firstUnseen = -1;
  }
}

const withRoom = (length: number): number => length + Math.max(16, length >> 3);

/** Index ranges (the end is exclusive) of what is not `gone`. Both are ascending. */
function runsWithout(uids: Uint32Array, gone: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  let start = 0;
  let next = 0;
  for (let i = 0; i < uids.length; i += 1) {
    const uid = uids[i] ?? 0;
    while ((gone[next] ?? Number.POSITIVE_INFINITY) < uid) next += 1;
    if (gone[next] !== uid) continue;
    if (i > start) runs.push([start, i]);
    start = i + 1;
  }
  if (uids.length > start) runs.push([start, uids.length]);
  return runs;
}

type Numbers = Columns[(typeof ARRAYS)[number]];

function copyRuns(from: Numbers, to: Numbers, runs: readonly (readonly [number, number])[]): void {
  let at = 0;
  for (const [start, end] of runs) {
    if (end - start > SHORT_RUN) to.set(from.subarray(start, end), at);
    else for (let i = start; i < end; i += 1) to[at + i - start] = from[i] ?? 0;
    at += end - start;
  }
}
