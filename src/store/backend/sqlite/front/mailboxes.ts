/** Mailboxes as sessions see them: changes go through the writer; snapshots and rows come from the reader. */
import type { Id } from '../../../../mail/account.ts';
import type { Mailboxes, MailboxSnapshot, MessageRow, UidRanges } from '../../../mailboxes.ts';
import { parseFlags, unpackStates } from '../../flags.ts';
import { type Read, WITH_BODY_STRUCTURE, WITH_ENVELOPE, type WriterCalls } from '../calls.ts';
import { toStatus } from '../mailbox-row.ts';
import type { Kept } from './kept.ts';
import type { Link } from './link.ts';
import { columnBits, createMailboxReads, storedRows } from './mailbox-reads.ts';
import { columnsOf } from './message-columns.ts';
import { isShort } from './near-reads.ts';
import type { Picture } from './picture.ts';
import { picturedRows } from './pictured-rows.ts';
import type { Pictures } from './pictures.ts';
import type { SearchTexts } from './search-texts.ts';
import type { Watchers } from './watchers.ts';

/** The columns that come to the rows of a picture. */
const TEXTS = WITH_ENVELOPE | WITH_BODY_STRUCTURE;

interface Parts {
  readonly writer: Link<WriterCalls>;
  readonly read: Read;
  readonly pictures: Pictures;
  readonly texts: SearchTexts;
  readonly watchers: Watchers;
  readonly kept: Kept;
  readonly clock: () => number;
}

export function createMailboxes({ writer, read, pictures, texts, watchers, kept, clock }: Parts): Mailboxes {
  return {
    ...createMailboxReads(read),
    async open(mailbox, { claimRecent }) {
      const { recentFrom: first, ...snapshot } = snapshotOf(await pictures.of(Number(mailbox)));
      const { uidNext } = snapshot.mailbox;
      if (first >= uidNext) return { ...snapshot, recentFrom: 0 };
      if (!claimRecent) return { ...snapshot, recentFrom: first };
      // Another session may have claimed them since the snapshot was taken; only the writer knows.
      const recentFrom = await writer.call('claimRecent', { mailbox: Number(mailbox), upTo: uidNext });
      return { ...snapshot, recentFrom: recentFrom >= uidNext ? 0 : recentFrom };
    },
    async claimRecent(mailbox, upTo) {
      await writer.call('claimRecent', { mailbox: Number(mailbox), upTo });
    },

    create: (account, name, specialUse = '') =>
      writer.call('createMailbox', { account: Number(account), name, specialUse, now: clock() }),
    async rename(account, from, to) {
      await writer.call('renameMailbox', { account: Number(account), from, to, now: clock() });
    },
    async remove(account, name) {
      await writer.call('removeMailbox', { account: Number(account), name, keptAt: kept.now() });
    },
    async subscribe(account, name, subscribed) {
      await writer.call('subscribe', { account: Number(account), name, subscribed });
    },

    rows(mailbox, uids, columns) {
      const bits = columnBits(columns);
      const inFile = (among: UidRanges): AsyncIterable<readonly MessageRow[]> =>
        storedRows(read, Number(mailbox), among, bits);
      if (isShort(uids) || (bits & ~TEXTS) !== 0 || !pictures.has(Number(mailbox))) return inFile(uids);
      return picturedRows({ read, pictures }, Number(mailbox), uids, bits, inFile);
    },
    async columns(mailbox) {
      return columnsOf(await pictures.of(Number(mailbox)));
    },

    async store(mailbox, uids, { op, flags, unchangedSince }) {
      const { mask, keywords } = parseFlags(flags);
      const args = { mailbox: Number(mailbox), uids, op, mask, keywords, unchangedSince: unchangedSince ?? null };
      const { changed, conflicts } = await writer.call('store', args);
      return { changed: unpackStates(changed), conflicts };
    },
    expunge: (mailbox, uids, options) =>
      writer.call('expunge', {
        mailbox: Number(mailbox),
        uids: uids ?? null,
        force: options?.force ?? false,
        keptAt: kept.now(),
      }),
    async copy(mailbox, uids, target) {
      const { uidValidity, pairs } = await writer.call('copy', {
        mailbox: Number(mailbox),
        uids,
        target: Number(target),
        move: false,
      });
      return { uidValidity, pairs };
    },
    move: (mailbox, uids, target) =>
      writer.call('copy', { mailbox: Number(mailbox), uids, target: Number(target), move: true }),

    searchText: (content) => texts.of(content),
    searchContents: (contents, key) => texts.decide(contents, key),
    putSearchText: (content, text) => texts.put(content, text),
    unprepared: (limit): Promise<readonly Id[]> => texts.unprepared(limit),
    searchProgress: () => texts.progress(),
    discardSearchTexts: () => texts.discard(),

    watch: (account, listener) => watchers.add(Number(account), listener),
  };
}

function snapshotOf(picture: Picture): MailboxSnapshot {
  const { mailbox, known, firstUnseen } = picture;
  const recent = picture.length - picture.lowerBound(mailbox.recent_from);
  // A copy: the picture goes on changing.
  const uids = picture.uids.slice();
  return { mailbox: toStatus(mailbox, recent), uids, firstUnseen, recentFrom: mailbox.recent_from, keywords: known };
}
