/**
 * A mailbox while operations are decided: its counters, the rows that the operations look at, and what they change.
 * Nothing is read or written here, so that all of it can be done again when another process was first.
 */
import { randomBytes } from 'node:crypto';
import type { Change } from '../../../../mail/change.ts';
import type { MessageState } from '../../../../mail/mailbox.ts';
import { MailboxError, type UidRanges } from '../../../mailboxes.ts';
import { DELETED, listFlags, SEEN } from '../../flags.ts';
import { clampRanges, formatUids } from '../../ranges.ts';
import type { JournalRow, Kept, MailboxDocument, Operation } from '../database/documents.ts';

/** UIDs are 32 bits wide (RFC 9051 section 2.3.1.1). */
const MAX_UID = 0xffff_fffe;
/** Different keywords per mailbox. */
const MAX_KEYWORDS = 500;

/** A row as far as operations look at it. */
export type StateRow = Pick<JournalRow, 'uid' | 'modseq' | 'mask' | 'keywords' | 'size'>;
export type NewRow = Omit<JournalRow, 'uid' | 'modseq'>;
export type FlagChange = { readonly uid: number; readonly mask: number; readonly keywords: string };

type Written = 'uidNext' | 'modseq' | 'messages' | 'unseen' | 'deleted' | 'size';
type Action = Operation extends infer O ? (O extends Operation ? Omit<O, 'id' | 'by' | 'm'> : never) : never;

export class MailboxState {
  readonly document: MailboxDocument;
  readonly operations: Operation[] = [];
  readonly changes: Change[] = [];
  readonly #by: string;
  readonly #counters: Record<Written, number>;
  readonly #rows: Map<number, StateRow>;
  #keywords: readonly string[];

  /** `rows`: all that the operations will ask for, ascending. */
  constructor(document: MailboxDocument, rows: readonly StateRow[], by: string) {
    this.document = document;
    this.#by = by;
    const { uidNext, modseq, messages, unseen, deleted, size } = document;
    this.#counters = { uidNext, modseq, messages, unseen, deleted, size };
    this.#keywords = document.keywords;
    this.#rows = new Map(rows.map((row) => [row.uid, row]));
  }

  get modseq(): number {
    return this.#counters.modseq;
  }

  /** The fields of the document after the operations. */
  get after(): Record<Written, number> & { readonly keywords: readonly string[] } {
    return { ...this.#counters, keywords: this.#keywords };
  }

  /** Ascending. */
  among(uids: UidRanges): StateRow[] {
    const ranges = clampRanges(uids);
    const found: StateRow[] = [];
    let at = 0;
    for (const row of this.#rows.values()) {
      while (at < ranges.length && (ranges[at]?.[1] ?? 0) < row.uid) at += 1;
      if (at === ranges.length) break;
      if ((ranges[at]?.[0] ?? 0) <= row.uid) found.push(row);
    }
    return found;
  }

  /** The keywords in the mailbox's own spelling, without duplicates; new ones are added to the mailbox. */
  spell(keywords: readonly string[]): string[] {
    const spelled: string[] = [];
    for (const keyword of keywords) {
      const folded = keyword.toLowerCase();
      let name = this.#keywords.find((known) => known.toLowerCase() === folded);
      if (name === undefined) {
        if (keyword === '' || keyword.length > 100 || keyword.includes(' '))
          throw new MailboxError('cannot', 'not a keyword');
        if (this.#keywords.length >= MAX_KEYWORDS)
          throw new MailboxError('limit', `a mailbox has at most ${MAX_KEYWORDS} keywords`);
        this.#keywords = [...this.#keywords, keyword];
        name = keyword;
      }
      if (!spelled.includes(name)) spelled.push(name);
    }
    return spelled;
  }

  /** Each row gets the next UID and the next MODSEQ. Returns the UIDs, and the id of the operation. */
  append(rows: readonly NewRow[]): { readonly uids: readonly number[]; readonly operation: string } {
    const placed = this.#place(rows);
    const operation = this.#add({ kind: 'append', rows: placed });
    return { uids: placed.map(({ uid }) => uid), operation };
  }

  /** The same for rows that lie in `parts`, in this order. */
  appendParts(
    rows: readonly NewRow[],
    parts: readonly string[],
  ): { readonly uids: readonly number[]; readonly operation: string } {
    const placed = this.#place(rows);
    const operation = this.#add({ kind: 'batch', uid: placed[0]?.uid ?? 0, parts });
    return { uids: placed.map(({ uid }) => uid), operation };
  }

  /** New flags for some rows, all under one MODSEQ. */
  setFlags(changes: readonly FlagChange[]): readonly MessageState[] {
    this.#counters.modseq += 1;
    const { modseq } = this.#counters;
    const groups = new Map<string, { mask: number; keywords: string; uids: number[] }>();
    const states: MessageState[] = [];
    for (const { uid, mask, keywords } of changes) {
      const row = this.#rows.get(uid);
      if (row === undefined) continue;
      this.#counters.unseen += bit(row.mask, SEEN) - bit(mask, SEEN);
      this.#counters.deleted += bit(mask, DELETED) - bit(row.mask, DELETED);
      this.#rows.set(uid, { ...row, modseq, mask, keywords });
      const key = `${mask} ${keywords}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { mask, keywords, uids: [uid] });
      else group.uids.push(uid);
      states.push({ uid, modseq, flags: listFlags(mask, keywords) });
    }
    this.#add({
      kind: 'flags',
      groups: [...groups.values()].map(({ uids, ...group }) => ({ ...group, uids: formatUids(uids) })),
    });
    this.changes.push({ kind: 'flags', mailbox: this.document._id, messages: states });
    return states;
  }

  /** `of`: the intent of a MOVE, which is looked for in the journal. `keep`: they can be brought back. */
  expunge(
    rows: readonly StateRow[],
    as: { readonly of?: string; readonly keep?: Kept } = {},
  ): { readonly operation: string } {
    const { document } = this;
    this.#counters.modseq += 1;
    this.#counters.messages -= rows.length;
    for (const { uid, mask, size } of rows) {
      this.#counters.unseen -= 1 - bit(mask, SEEN);
      this.#counters.deleted -= bit(mask, DELETED);
      this.#counters.size -= size;
      this.#rows.delete(uid);
    }
    const uids = rows.map(({ uid }) => uid);
    const operation = this.#add({ kind: 'expunge', uids: formatUids(uids), ...as });
    if (uids.length > 0) this.changes.push({ kind: 'expunge', mailbox: document._id, uids, modseq: this.modseq });
    return { operation };
  }

  #place(rows: readonly NewRow[]): JournalRow[] {
    const counters = this.#counters;
    if (counters.uidNext + rows.length - 1 > MAX_UID)
      throw new MailboxError('limit', 'the mailbox has no UIDs left; move its messages to a new mailbox');
    const placed = rows.map((row, i) => ({ uid: counters.uidNext + i, modseq: counters.modseq + 1 + i, ...row }));
    counters.uidNext += rows.length;
    counters.modseq += rows.length;
    counters.messages += rows.length;
    for (const row of placed) {
      counters.unseen += 1 - bit(row.mask, SEEN);
      counters.deleted += bit(row.mask, DELETED);
      counters.size += row.size;
      this.#rows.set(row.uid, row);
    }
    const messages = placed.map(({ uid, modseq, mask, keywords }) => ({
      uid,
      modseq,
      flags: listFlags(mask, keywords),
    }));
    this.changes.push({ kind: 'append', mailbox: this.document._id, messages });
    return placed;
  }

  #add(action: Action): string {
    const id = newId();
    this.operations.push({ id, by: this.#by, m: this.modseq, ...action });
    return id;
  }
}

/** 24 random hexadecimal digits: accounts, operations, spools. */
export const newId = (): string => randomBytes(12).toString('hex');

const bit = (mask: number, flag: number): number => ((mask & flag) === 0 ? 0 : 1);
