/**
 * What a picture of a mailbox is made of (front/pictures.ts): the columns of all its messages, then what changed since
 * a MODSEQ. Both are read in one transaction, together with the mailbox's own row.
 */
import type { Columns, MailboxChanges, WholeMailbox } from '../calls.ts';
import type { Reading } from './connection.ts';
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
];

const COLUMNS = 'uid, modseq, flags, keywords, internal_date, size, sent_at';

export function wholeMailbox(r: Reading, a: { readonly mailbox: number }): WholeMailbox {
  return inTransaction(r, () => {
    const mailbox = mailboxRow(r, a.mailbox);
    const tuples = r.db.tuples<Tuple>(`SELECT ${COLUMNS} FROM message WHERE mailbox = ? ORDER BY uid`, a.mailbox);
    return { mailbox, known: knownKeywords(r, a.mailbox), columns: toColumns(tuples) };
  });
}

/** `most`: how many changed messages are worth reading one by one. */
export function mailboxChanges(
  r: Reading,
  a: { readonly mailbox: number; readonly modseq: number; readonly most: number },
): MailboxChanges {
  return inTransaction(r, () => {
    const mailbox = mailboxRow(r, a.mailbox);
    const known = knownKeywords(r, a.mailbox);
    if (mailbox.modseq === a.modseq) return { mailbox, known, columns: toColumns([]), vanished: [] };
    const tuples = r.db.tuples<Tuple>(
      `SELECT ${COLUMNS} FROM message INDEXED BY message_by_modseq WHERE mailbox = ? AND modseq > ? LIMIT ?`,
      a.mailbox,
      a.modseq,
      a.most + 1,
    );
    if (tuples.length > a.most || a.modseq < mailbox.forgotten)
      return { mailbox, known, columns: undefined, vanished: [] };
    tuples.sort((x, y) => x[0] - y[0]);
    return { mailbox, known, columns: toColumns(tuples), vanished: vanishedSince(r, a.mailbox, a.modseq) };
  });
}

function inTransaction<T>(r: Reading, work: () => T): T {
  r.db.run('BEGIN');
  try {
    return work();
  } finally {
    r.db.run('COMMIT');
  }
}

const knownKeywords = (r: Reading, mailbox: number): string[] =>
  r.db.tuples<[string]>('SELECT name FROM keyword WHERE mailbox = ? ORDER BY folded', mailbox).map(([name]) => name);

function toColumns(tuples: readonly Tuple[]): Columns {
  const { length } = tuples;
  const columns = emptyColumns(length);
  const sets = new KeywordSets();
  for (let i = 0; i < length; i += 1) {
    const [uid, modseq, mask, keywords, internalDate, size, sentAt] = tuples[i] as Tuple;
    columns.uids[i] = uid;
    columns.modseqs[i] = modseq;
    columns.masks[i] = mask;
    columns.keywords[i] = sets.indexOf(keywords);
    columns.internalDates[i] = internalDate;
    columns.sizes[i] = size;
    columns.sentAts[i] = sentAt ?? Number.NaN;
  }
  return { ...columns, keywordSets: sets.all };
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
});

/** Each set of keywords once. */
export class KeywordSets {
  readonly all: string[];
  readonly #indexes: Map<string, number>;

  constructor(sets: readonly string[] = ['']) {
    this.all = [...sets];
    this.#indexes = new Map(sets.map((set, index) => [set, index]));
  }

  indexOf(keywords: string): number {
    let index = this.#indexes.get(keywords);
    if (index === undefined) {
      index = this.all.length;
      this.all.push(keywords);
      this.#indexes.set(keywords, index);
    }
    return index;
  }
}
