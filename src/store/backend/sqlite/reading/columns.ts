/**
 * What a picture of a mailbox is made of (front/pictures.ts): the columns of its messages, section by section, then
 * what changed since a MODSEQ. Each is read in one transaction, together with the mailbox's own row.
 */
import { type Columns, type MailboxChanges, type MailboxSection, NOT_KEPT, type ReaderCalls } from '../calls.ts';
import { inTransaction, type Reading } from './connection.ts';
import { mailboxRow } from './mailboxes.ts';
import { vanishedSince } from './messages.ts';

type Tuple = [
  uid: number,
  modseq: number,
  mask: number,
  keywords: string,
  internalDate: number,
  size: number,
  sentAt: number | null,
  content: number,
  prefix: string,
];

/** Different prefixes kept for a mailbox: 200,000 of them would hold up the main thread for 150 ms. */
export const MOST_PREFIXES = 4_000;

const COLUMNS = 'uid, modseq, flags, keywords, internal_date, size, sent_at, content, prefix';

export function mailboxSection(r: Reading, a: ReaderCalls['mailboxSection']['args']): MailboxSection {
  return inTransaction(r, () => {
    const mailbox = mailboxRow(r, a.mailbox);
    const tuples = r.db.tuples<Tuple>(
      `SELECT ${COLUMNS} FROM message WHERE mailbox = ? AND uid > ? ORDER BY uid LIMIT ? + 0`,
      a.mailbox,
      a.after,
      a.most,
    );
    return { mailbox, known: knownKeywords(r, a.mailbox), columns: toColumns(tuples) };
  });
}

/** More changed messages than these are not worth reading one by one. */
const MOST_CHANGES = 500;

export function mailboxChanges(r: Reading, a: { readonly mailbox: number; readonly modseq: number }): MailboxChanges {
  return inTransaction(r, () => {
    const mailbox = mailboxRow(r, a.mailbox);
    const known = knownKeywords(r, a.mailbox);
    if (mailbox.modseq === a.modseq) return { mailbox, known, columns: toColumns([]), vanished: [] };
    const tuples = r.db.tuples<Tuple>(
      `SELECT ${COLUMNS} FROM message INDEXED BY message_by_modseq WHERE mailbox = ? AND modseq > ? LIMIT ? + 0`,
      a.mailbox,
      a.modseq,
      MOST_CHANGES + 1,
    );
    if (tuples.length > MOST_CHANGES || a.modseq < mailbox.forgotten)
      return { mailbox, known, columns: undefined, vanished: [] };
    tuples.sort((x, y) => x[0] - y[0]);
    return { mailbox, known, columns: toColumns(tuples), vanished: vanishedSince(r, a.mailbox, a.modseq) };
  });
}

const knownKeywords = (r: Reading, mailbox: number): string[] =>
  r.db.tuples<[string]>('SELECT name FROM keyword WHERE mailbox = ? ORDER BY folded', mailbox).map(([name]) => name);

function toColumns(tuples: readonly Tuple[]): Columns {
  const { length } = tuples;
  const columns = emptyColumns(length);
  const sets = new Interned();
  const prefixes = new Interned([''], MOST_PREFIXES);
  for (let i = 0; i < length; i += 1) {
    const [uid, modseq, mask, keywords, internalDate, size, sentAt, content, prefix] = tuples[i] as Tuple;
    columns.uids[i] = uid;
    columns.modseqs[i] = modseq;
    columns.masks[i] = mask;
    columns.keywords[i] = sets.indexOf(keywords);
    columns.internalDates[i] = internalDate;
    columns.sizes[i] = size;
    columns.sentAts[i] = sentAt ?? Number.NaN;
    columns.contents[i] = content;
    columns.prefixes[i] = prefixes.indexOf(prefix);
  }
  return { ...columns, keywordSets: sets.all, prefixSets: prefixes.all };
}

export const emptyColumns = (length: number): Columns => ({
  uids: new Uint32Array(length),
  modseqs: new Float64Array(length),
  masks: new Uint8Array(length),
  keywords: new Uint32Array(length),
  keywordSets: [''],
  internalDates: new Float64Array(length),
  sizes: new Uint32Array(length),
  sentAts: new Float64Array(length),
  contents: new Float64Array(length),
  prefixes: new Uint32Array(length),
  prefixSets: [''],
});

/** Texts of which many are alike, each kept once. */
export class Interned {
  readonly all: string[];
  /** Characters of all. */
  length = 0;
  readonly #indexes = new Map<string, number>();
  readonly #most: number;

  constructor(texts: readonly string[] = [''], most = Number.POSITIVE_INFINITY) {
    this.all = [];
    this.#most = most;
    for (const text of texts) this.indexOf(text);
  }

  /** NOT_KEPT for a new text where there are the most already. */
  indexOf(text: string): number {
    let index = this.#indexes.get(text);
    if (index === undefined) {
      if (this.all.length >= this.#most) return NOT_KEPT;
      index = this.all.length;
      this.all.push(text);
      this.length += text.length;
      this.#indexes.set(text, index);
    }
    return index;
  }
}
