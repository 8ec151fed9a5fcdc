/**
 * Writes FETCH responses (RFC 9051 section 7.5.2) from rows.
 *
 * Columns are joined into one text per batch of rows; message octets are read ahead for some rows within a budget, or
 * streamed if they are long. Memory is bounded for any request.
 */

import { formatDateTime } from '../../protocol/imap/date.ts';
import type { FetchColumn, FetchItem, FetchSection } from '../../protocol/imap/fetch.ts';
import { chooseFields } from '../../protocol/imap/header-fields.ts';
import type { Section } from '../../protocol/imap/section.ts';
import { bodyStructure } from '../../protocol/mime/structure.ts';
import type { MessageRow, RowColumns } from '../../store/mailboxes.ts';
import {
  AHEAD_OCTETS,
  cutSpan,
  isWhole,
  MAX_HEADER,
  readAhead,
  readHeader,
  SHORT,
  type Span,
  sectionSpan,
  spanLength,
} from './message-octets.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { Session } from './session.ts';

type ColumnWriter = (row: MessageRow, mailbox: SelectedMailbox) => string;

const COLUMNS: Readonly<Record<FetchColumn, ColumnWriter>> = {
  UID: (row) => `UID ${row.uid}`,
  FLAGS: (row, mailbox) => {
    mailbox.noteTold(row);
    return `FLAGS (${mailbox.formatFlags(row.uid, row.flags)})`;
  },
  INTERNALDATE: (row) => `INTERNALDATE "${formatDateTime(row.internalDate)}"`,
  'RFC822.SIZE': (row) => `RFC822.SIZE ${row.size}`,
  ENVELOPE: (row) => `ENVELOPE ${row.envelope ?? 'NIL'}`,
  BODYSTRUCTURE: (row) => `BODYSTRUCTURE ${row.bodyStructure ?? 'NIL'}`,
  BODY: (row) => `BODY ${row.root === undefined ? 'NIL' : bodyStructure(row.root, false)}`,
  MODSEQ: (row) => `MODSEQ (${row.modseq})`,
};

export const isSection = (item: FetchItem): item is FetchSection => 'section' in item;

export function neededColumns(items: readonly FetchItem[]): RowColumns {
  const wants = (column: FetchColumn): boolean => items.some((item) => !isSection(item) && item.column === column);
  return {
    envelope: wants('ENVELOPE'),
    bodyStructure: wants('BODYSTRUCTURE'),
    root: wants('BODY') || items.some((item) => isSection(item) && !isWhole(item.section)),
    octets: items.some((item) => isSection(item) && isWhole(item.section)),
  };
}

/** The content of one section: texts, octets, and spans to be streamed. */
type Prepared = readonly (string | Uint8Array | Span)[];

/**
 * The message was expunged while it was being read: the others are sent, and the tagged response reports that one is
 * missing.
 */
const GONE = 'gone';

const choosesFields = ({ text }: Section): boolean => text === 'HEADER.FIELDS' || text === 'HEADER.FIELDS.NOT';

function sectionCost({ root, prefix, size }: MessageRow, section: Section): number {
  if (!choosesFields(section)) return Math.min(size, SHORT);
  // The length of the message's own header is known; a part's header may be as long as the message.
  return Math.min(
    MAX_HEADER,
    root !== undefined && section.path.length === 0 ? prefix.length + root.bodyStart - root.headerStart : size,
  );
}

export class FetchWriter {
  readonly #session: Session;
  readonly #mailbox: SelectedMailbox;
  readonly #sections: readonly FetchSection[];
  readonly #columns: readonly ColumnWriter[];
  /** Sequence numbers ascend with the rows: the index at which to look first. */
  #hint = 0;

  constructor(session: Session, mailbox: SelectedMailbox, items: readonly FetchItem[]) {
    this.#session = session;
    this.#mailbox = mailbox;
    this.#sections = items.filter(isSection);
    this.#columns = items.flatMap((item) => (isSection(item) ? [] : [COLUMNS[item.column]]));
  }

  /** `extra` returns further items for a row. Returns how many messages were sent. */
  async write(rows: readonly MessageRow[], extra: (row: MessageRow) => string): Promise<number> {
    if (this.#sections.length > 0) return this.#writeSections(rows, extra);
    let out = '';
    let count = 0;
    for (const row of rows) {
      const number = this.#number(row);
      if (number === 0) continue;
      out += `* ${number} FETCH (${this.#formatColumns(row, extra)})\r\n`;
      count += 1;
    }
    this.#session.write(out);
    await this.#session.connection.drained();
    return count;
  }

  #number(row: MessageRow): number {
    const index = this.#mailbox.uids.indexOf(row.uid, this.#hint);
    if (index >= 0) this.#hint = index + 1;
    return index + 1;
  }

  #formatColumns(row: MessageRow, extra: (row: MessageRow) => string): string {
    let text = '';
    for (const column of this.#columns) text += `${text === '' ? '' : ' '}${column(row, this.#mailbox)}`;
    const more = extra(row);
    return more === '' || text === '' ? text + more : `${text} ${more}`;
  }

  /** Octets that the sections of a row may occupy in memory. */
  readonly #cost = (row: MessageRow): number =>
    this.#sections.reduce((sum, { section }) => sum + sectionCost(row, section), 0);

  async #writeSections(rows: readonly MessageRow[], extra: (row: MessageRow) => string): Promise<number> {
    const { connection } = this.#session;
    let count = 0;
    for (const group of readAhead(rows, this.#cost)) {
      // Several sections of one long message are read one at a time, each just before it is sent.
      const ahead = group.length > 1 || group.every((row) => this.#cost(row) <= AHEAD_OCTETS);
      const prepared = ahead ? await Promise.all(group.map((row) => this.#prepareRow(row))) : [];
      for (const [index, row] of group.entries()) {
        const number = this.#number(row);
        const sections = prepared[index] ?? [];
        if (number === 0 || sections === GONE) continue;
        try {
          await this.#writeRow(row, `* ${number} FETCH (${this.#formatColumns(row, extra)}`, sections);
        } catch (error) {
          // The response has been started: nothing else can be sent on this connection any more.
          connection.destroy();
          throw error;
        }
        count += 1;
        await connection.drained();
      }
      if (connection.signal.aborted) return count;
    }
    return count;
  }

  async #writeRow(row: MessageRow, head: string, prepared: readonly Prepared[]): Promise<void> {
    this.#session.write(head);
    let separator = head.endsWith('(') ? '' : ' ';
    for (const [index, section] of this.#sections.entries()) {
      this.#session.write(separator);
      for (const piece of prepared[index] ?? (await this.#prepare(row, section))) {
        if (typeof piece === 'string' || piece instanceof Uint8Array) this.#session.write(piece);
        else await this.#stream(piece);
      }
      if (prepared.length === 0) await this.#session.connection.drained();
      separator = ' ';
    }
    this.#session.write(')\r\n');
  }

  async #prepareRow(row: MessageRow): Promise<readonly Prepared[] | typeof GONE> {
    try {
      return await Promise.all(this.#sections.map((item) => this.#prepare(row, item)));
    } catch (error) {
      if (await this.#mailbox.isGone(this.#session.services.store.mailboxes, row.uid)) return GONE;
      throw error;
    }
  }

  async #prepare(row: MessageRow, { label, section, partial }: FetchSection): Promise<Prepared> {
    const { content } = this.#session.services.store;
    const span = sectionSpan(row, row.root, section);
    if (span === null) return [`${label} NIL`];
    if (choosesFields(section)) {
      const fields = chooseFields(
        await readHeader(content, span),
        new Set(section.fields),
        section.text === 'HEADER.FIELDS.NOT',
      );
      const cut = partial === null ? fields : fields.slice(partial.offset, partial.offset + partial.length);
      return [`${label} {${cut.length}}\r\n${cut}`];
    }
    const cut = cutSpan(span, partial);
    const head = `${label} {${spanLength(cut)}}\r\n${cut.prefix}`;
    if (cut.start >= cut.end) return [head];
    if (row.octets !== undefined && cut.end <= row.octets.length)
      return [head, row.octets.subarray(cut.start, cut.end)];
    if (cut.end - cut.start > SHORT) return [head, cut];
    return [head, await content.read(cut.content, cut.start, cut.end)];
  }

  async #stream({ content, start, end }: Span): Promise<void> {
    const { connection, services } = this.#session;
    let left = end - start;
    for await (const chunk of services.store.content.stream(content, start, end)) {
      if (connection.signal.aborted) return;
      left -= chunk.length;
      connection.write(chunk);
      await connection.drained();
    }
    if (left !== 0) throw new Error(`content ${content} is ${left} octets short`);
  }
}
