/** Message rows one page at a time, and the changes after a MODSEQ. */

import { emptyStates, pushState } from '../../flags.ts';
import { clampRanges, parseUids } from '../../ranges.ts';
import {
  type PageArgs,
  type ReaderCalls,
  type RowsPage,
  type TextsPage,
  WITH_BODY_STRUCTURE,
  WITH_ENVELOPE,
  WITH_OCTETS,
  WITH_ROOT,
  WITH_SEARCH,
} from '../calls.ts';
import { CHUNK_IDS } from '../chunks.ts';
import { inTransaction, type Reading } from './connection.ts';
import { mailboxRow } from './mailboxes.ts';

/**
 * Rows and octets of one page: limits it to a few milliseconds of the reader's time, and to little memory whatever the
 * messages contain.
 */
const PAGE = 500;
const OCTETS = 4 * 1024 * 1024;
/** With contents there are two pages of each client in memory: one is sent while the next one is read. */
const OCTETS_WITH_CONTENTS = 256 * 1024;
/** Longer contents do not come with their rows. At most a chunk. */
const SHORT_CONTENT = 128 * 1024;

/** Ranges visited for one page: a client may send thousands of empty ones. */
const RANGES = 2000;

type Tuple = [
  uid: number,
  modseq: number,
  mask: number,
  keywords: string,
  internalDate: number,
  size: number,
  prefix: string,
  content: number,
  sentAt: number | null,
  octets: Uint8Array | null,
  ...prepared: string[],
];

const preparedColumns = (columns: number): string =>
  [
    (columns & WITH_ENVELOPE) === 0 ? '' : ', c.envelope',
    (columns & WITH_BODY_STRUCTURE) === 0 ? '' : ', c.body_structure',
    (columns & WITH_ROOT) === 0 ? '' : ', c.root',
    (columns & WITH_SEARCH) === 0 ? '' : ', c.search',
  ].join('');

const IN_PAGE = 'WHERE m.mailbox = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid LIMIT ? + 0';

/** Each combination of columns has its own statement; its text is built once. */
const SQL: readonly string[] = Array.from({ length: 32 }, (_, columns) => {
  const prepared = preparedColumns(columns);
  const join = prepared === '' ? '' : 'JOIN content c ON c.id = m.content ';
  const withOctets = (columns & WITH_OCTETS) !== 0;
  const octets = withOctets ? 'k.bytes' : 'NULL';
  const chunk = withOctets
    ? `LEFT JOIN chunk k ON k.id = m.content * ${CHUNK_IDS} AND m.size <= ${SHORT_CONTENT} `
    : '';
  return `SELECT m.uid, m.modseq, m.flags, m.keywords, m.internal_date, m.size, m.prefix, m.content, m.sent_at,
    ${octets}${prepared} FROM message m ${join}${chunk}${IN_PAGE}`;
});

/** The same for texts without the other columns. */
const TEXTS_SQL: readonly string[] = Array.from(
  { length: 4 },
  (_, columns) =>
    `SELECT m.uid${preparedColumns(columns)} FROM message m JOIN content c ON c.id = m.content ${IN_PAGE}`,
);

export function rows(r: Reading, a: PageArgs): RowsPage {
  const columns = a.columns & 31;
  const page = emptyPage(columns);
  // In the order of the selected columns.
  const prepared = [page.envelopes, page.bodyStructures, page.roots, page.searches].filter((list) => list !== null);
  const take = (tuple: Tuple): number => {
    pushState(page.states, tuple[0], tuple[1], tuple[2], tuple[3]);
    page.internalDates.push(tuple[4]);
    page.sizes.push(tuple[5]);
    page.prefixes.push(tuple[6]);
    page.contents.push(tuple[7]);
    page.sentAts.push(tuple[8]);
    page.octets?.push(tuple[9]);
    let octets = tuple[6].length + (tuple[9]?.length ?? 0);
    for (const [column, list] of prepared.entries()) octets += pushText(list, tuple[10 + column]);
    return octets;
  };
  const next = readPage(r, a, SQL[columns] ?? '', page.octets === null ? OCTETS : OCTETS_WITH_CONTENTS, take);
  return { ...page, next };
}

/** The texts alone: half of the work where the rest is known. */
export function texts(r: Reading, a: PageArgs): TextsPage {
  const columns = a.columns & (WITH_ENVELOPE | WITH_BODY_STRUCTURE);
  const { envelopes, bodyStructures } = emptyPage(columns);
  const uids: number[] = [];
  const prepared = [envelopes, bodyStructures].filter((list) => list !== null);
  const take = ([uid, ...values]: [number, ...string[]]): number => {
    uids.push(uid);
    let octets = 0;
    for (const [column, list] of prepared.entries()) octets += pushText(list, values[column]);
    return octets;
  };
  const next = readPage(r, a, TEXTS_SQL[columns] ?? '', OCTETS, take);
  return { uids, envelopes, bodyStructures, next };
}

/** Returns its length. */
function pushText(list: string[], text: unknown): number {
  if (typeof text !== 'string') return 0;
  list.push(text);
  return text.length;
}

/**
 * Calls `take`, which returns the octets that it keeps, for each message of a page. Returns where the next one begins.
 */
function readPage<Row extends [uid: number, ...unknown[]]>(
  r: Reading,
  a: PageArgs,
  sql: string,
  mostOctets: number,
  take: (row: Row) => number,
): RowsPage['next'] {
  const ranges = clampRanges(a.uids);
  let octets = 0;
  let count = 0;
  let last = 0;
  const visit = (row: Row): boolean => {
    octets += take(row);
    count += 1;
    last = row[0];
    return octets < mostOctets;
  };
  const [firstRange, firstUid] = a.from;
  for (let i = firstRange; i < ranges.length; i += 1) {
    if (i - firstRange >= RANGES) return [i, 0];
    const [low, high] = ranges[i] ?? [1, 0];
    const from = i === firstRange ? Math.max(low, firstUid) : low;
    if (from === high) {
      const only = r.db.tuple<Row>(sql, a.mailbox, from, high, 1);
      if (only !== undefined) visit(only);
    } else r.db.each(visit, sql, a.mailbox, from, high, PAGE - count);
    if (count === PAGE || octets >= mostOctets) return [i, last + 1];
  }
  return null;
}

const emptyPage = (columns: number): RowsPage => ({
  states: emptyStates(),
  internalDates: [],
  sizes: [],
  prefixes: [],
  contents: [],
  sentAts: [],
  envelopes: (columns & WITH_ENVELOPE) === 0 ? null : [],
  bodyStructures: (columns & WITH_BODY_STRUCTURE) === 0 ? null : [],
  roots: (columns & WITH_ROOT) === 0 ? null : [],
  searches: (columns & WITH_SEARCH) === 0 ? null : [],
  octets: (columns & WITH_OCTETS) === 0 ? null : [],
  next: null,
});

export function changes(
  r: Reading,
  a: { readonly mailbox: number; readonly modseq: number },
): ReaderCalls['changes']['result'] {
  return inTransaction(r, () => {
    const mailbox = mailboxRow(r, a.mailbox);
    const changed = emptyStates();
    if (a.modseq >= mailbox.modseq) return { changed, vanished: [], highestModseq: mailbox.modseq };
    const tuples = r.db.tuples<[number, number, number, string]>(
      'SELECT uid, modseq, flags, keywords FROM message INDEXED BY message_by_modseq WHERE mailbox = ? AND modseq > ?',
      a.mailbox,
      a.modseq,
    );
    tuples.sort((x, y) => x[0] - y[0]);
    for (const [uid, modseq, mask, keywords] of tuples) pushState(changed, uid, modseq, mask, keywords);
    const vanished =
      a.modseq < mailbox.forgotten
        ? missingUids(r, a.mailbox, mailbox.uid_next)
        : vanishedSince(r, a.mailbox, a.modseq);
    return { changed, vanished, highestModseq: mailbox.modseq };
  });
}

export function vanishedSince(r: Reading, mailbox: number, modseq: number): number[] {
  const lists = r.db.tuples<[string]>('SELECT uids FROM expunged WHERE mailbox = ? AND modseq > ?', mailbox, modseq);
  return lists.flatMap(([uids]) => parseUids(uids)).sort((x, y) => x - y);
}

/** The superset that RFC 7162 section 3.2.6 allows: every UID ever assigned that is not in the mailbox. */
function missingUids(r: Reading, mailbox: number, uidNext: number): number[] {
  const missing: number[] = [];
  let expected = 1;
  for (const [uid] of r.db.tuples<[number]>('SELECT uid FROM message WHERE mailbox = ? ORDER BY uid', mailbox)) {
    for (; expected < uid; expected += 1) missing.push(expected);
    expected = uid + 1;
  }
  for (; expected < uidNext; expected += 1) missing.push(expected);
  return missing;
}
