/**
 * Rows of many messages: states, dates and sizes come from the mailbox's picture, so that only prepared texts are read,
 * and nothing but changes for flags and sizes.
 *
 * A page's texts are read first, then its rows are taken from the picture as it is then: no row is older than the
 * file's would have been, and messages expunged in the meantime are left out.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MessageColumns, MessageRow, UidRanges } from '../../../mailboxes.ts';
import { clampRanges } from '../../ranges.ts';
import type { Read, TextsPage } from '../calls.ts';
import { columnsOf } from './message-columns.ts';
import { pagesAhead } from './pages.ts';
import type { Picture } from './picture.ts';
import type { Pictures } from './pictures.ts';

/** Rows of a page without texts. */
const PAGE = 500;

type Pages = AsyncIterable<readonly MessageRow[]>;
type Texts = Pick<MessageRow, 'envelope' | 'bodyStructure'>;

/**
 * `columns`: bits of the wanted texts, WITH_ENVELOPE and WITH_BODY_STRUCTURE. `inFile` reads rows from the file: the
 * remaining ones where no picture is kept (to make one takes longer than to read a page), or it lacks a prefix.
 */
export function picturedRows(
  { read, pictures }: { readonly read: Read; readonly pictures: Pictures },
  mailbox: number,
  uids: UidRanges,
  columns: number,
  inFile: (uids: UidRanges) => Pages,
): Pages {
  const current = (): Promise<Picture | null> => pictures.kept(mailbox);
  const ranges = clampRanges(uids);
  if (columns === 0) return withoutTexts(ranges, current, inFile);
  const ask = (from: readonly [number, number]): Promise<TextsPage> => read('texts', { mailbox, uids, from, columns });
  return withTexts(ranges, ask, current, inFile);
}

async function* withTexts(
  ranges: UidRanges,
  ask: (from: readonly [number, number]) => Promise<TextsPage>,
  current: () => Promise<Picture | null>,
  inFile: (uids: UidRanges) => Pages,
): Pages {
  for await (const page of pagesAhead(ask)) {
    if (page.uids.length === 0) continue;
    const rows = rowsOf(await current(), page);
    if (rows === null) {
      yield* inFile(rangesFrom(ranges, page.uids[0] ?? 1));
      return;
    }
    if (rows.length > 0) yield rows;
  }
}

async function* withoutTexts(
  ranges: UidRanges,
  current: () => Promise<Picture | null>,
  inFile: (uids: UidRanges) => Pages,
): Pages {
  for (let left = ranges; left.length > 0; ) {
    const picture = await current();
    const uids = picture === null ? [] : firstUids(picture, left);
    const rows = rowsOf(picture, { uids, envelopes: null, bodyStructures: null });
    if (rows === null) {
      yield* inFile(left);
      return;
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    left = rangesFrom(left, last.uid + 1);
    yield rows;
    // All this may have come from memory: other sessions get their turn.
    await nextTurn();
  }
}

function firstUids(picture: Picture, ranges: UidRanges): number[] {
  const found: number[] = [];
  const { uids } = picture;
  for (const [low, high] of ranges) {
    for (let index = picture.lowerBound(low); index < uids.length && found.length < PAGE; index += 1) {
      const uid = uids[index] ?? 0;
      if (uid > high) break;
      found.push(uid);
    }
    if (found.length === PAGE) break;
  }
  return found;
}

const rangesFrom = (ranges: UidRanges, uid: number): UidRanges =>
  ranges.filter(([, high]) => high >= uid).map(([low, high]) => [Math.max(low, uid), high]);

/** Null if there is no picture, or a prefix is missing in it. */
function rowsOf(picture: Picture | null, page: Omit<TextsPage, 'next'>): MessageRow[] | null {
  if (picture === null) return null;
  const columns = columnsOf(picture);
  const rows: MessageRow[] = [];
  let index = picture.lowerBound(page.uids[0] ?? 1);
  for (const [i, uid] of page.uids.entries()) {
    while (index < columns.length && (columns.uids[index] ?? 0) < uid) index += 1;
    if (index === columns.length) break;
    if (columns.uids[index] !== uid) continue;
    const prefix = columns.prefix(index);
    if (prefix === null) return null;
    const texts: { -readonly [Key in keyof Texts]: Texts[Key] } = {};
    if (page.envelopes !== null) texts.envelope = page.envelopes[i] ?? '';
    if (page.bodyStructures !== null) texts.bodyStructure = page.bodyStructures[i] ?? '';
    rows.push(rowAt(columns, index, prefix, texts));
  }
  return rows;
}

function rowAt(columns: MessageColumns, index: number, prefix: string, texts: Texts): MessageRow {
  const sentAt = columns.sentAts[index] ?? Number.NaN;
  return {
    uid: columns.uids[index] ?? 0,
    modseq: columns.modseqs[index] ?? 0,
    flags: columns.flags(index),
    internalDate: columns.internalDates[index] ?? 0,
    size: columns.sizes[index] ?? 0,
    prefix,
    content: columns.content(index),
    sentAt: Number.isNaN(sentAt) ? null : sentAt,
    ...texts,
  };
}
