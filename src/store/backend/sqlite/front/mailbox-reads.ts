/** What is read of mailboxes from the file alone: with these, a store can be read that another process writes. */
import type { Part, SearchFields } from '../../../../mail/message.ts';
import type { Mailboxes, MessageRow, RowColumns, UidRanges } from '../../../mailboxes.ts';
import { listFlags, unpackStates } from '../../flags.ts';
import {
  type Read,
  type RowsPage,
  WITH_BODY_STRUCTURE,
  WITH_ENVELOPE,
  WITH_OCTETS,
  WITH_ROOT,
  WITH_SEARCH,
} from '../calls.ts';
import { pagesAhead } from './pages.ts';

export type MailboxReads = Pick<Mailboxes, 'list' | 'find' | 'status' | 'subscriptions' | 'rows' | 'changes'>;

export const createMailboxReads = (read: Read): MailboxReads => ({
  list: (account) => read('listMailboxes', { account: Number(account) }),
  find: (account, name) => read('findMailbox', { account: Number(account), name }),
  status: (mailbox) => read('status', { mailbox: Number(mailbox) }),
  subscriptions: (account) => read('subscriptions', { account: Number(account) }),
  rows: (mailbox, uids, columns) => storedRows(read, Number(mailbox), uids, columnBits(columns)),
  async changes(mailbox, modseq) {
    const { changed, ...rest } = await read('changes', { mailbox: Number(mailbox), modseq });
    return { changed: unpackStates(changed), ...rest };
  },
});

/** `columns`: bits of WITH_ENVELOPE and the others. */
export async function* storedRows(
  read: Read,
  mailbox: number,
  uids: UidRanges,
  columns: number,
): AsyncIterable<readonly MessageRow[]> {
  for await (const page of pagesAhead((from) => read('rows', { mailbox, uids, from, columns })))
    if (page.contents.length > 0) yield unpackRows(page);
}

export function columnBits(columns: RowColumns): number {
  return (
    (columns.envelope === true ? WITH_ENVELOPE : 0) |
    (columns.bodyStructure === true ? WITH_BODY_STRUCTURE : 0) |
    (columns.root === true ? WITH_ROOT : 0) |
    (columns.search === true ? WITH_SEARCH : 0) |
    (columns.octets === true ? WITH_OCTETS : 0)
  );
}

function unpackRows(page: RowsPage): MessageRow[] {
  return page.contents.map((content, i) => {
    const row: { -readonly [Key in keyof MessageRow]: MessageRow[Key] } = {
      uid: page.states.uids[i] ?? 0,
      modseq: page.states.modseqs[i] ?? 0,
      flags: listFlags(page.states.masks[i] ?? 0, page.states.keywords[i] ?? ''),
      internalDate: page.internalDates[i] ?? 0,
      size: page.sizes[i] ?? 0,
      prefix: page.prefixes[i] ?? '',
      content,
      sentAt: page.sentAts[i] ?? null,
    };
    if (page.envelopes !== null) row.envelope = page.envelopes[i] ?? '';
    if (page.bodyStructures !== null) row.bodyStructure = page.bodyStructures[i] ?? '';
    if (page.roots !== null) row.root = JSON.parse(page.roots[i] ?? '') as Part;
    if (page.searches !== null) row.search = JSON.parse(page.searches[i] ?? '') as SearchFields;
    const octets = page.octets?.[i];
    if (octets != null) row.octets = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
    return row;
  });
}
