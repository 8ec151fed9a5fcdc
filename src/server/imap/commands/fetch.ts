/** FETCH and UID FETCH (RFC 9051 section 6.4.5) with CHANGEDSINCE and VANISHED (RFC 7162). */
import type { MessageState } from '../../../mail/mailbox.ts';
import { type FetchItem, parseFetchItems } from '../../../protocol/imap/fetch.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import {
  intersectRanges,
  mergeRanges,
  parseSequenceSet,
  type Ranges,
  type SequenceSet,
} from '../../../protocol/imap/sequence-set.ts';
import type { MessageRow } from '../../../store/mailboxes.ts';
import type { Command } from '../command.ts';
import { bad, ok } from '../completion.ts';
import { FetchWriter, isSection, neededColumns } from '../fetch-response.ts';
import { earlierRanges, vanishedEarlier } from '../resync.ts';
import type { Naming, SelectedMailbox } from '../selected-mailbox.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

interface FetchArguments {
  readonly set: SequenceSet;
  readonly items: readonly FetchItem[];
  /** Null if not given. */
  readonly changedSince: number | null;
  /** UIDs that vanished since then are wanted too (RFC 7162 section 3.2.6). */
  readonly vanished: boolean;
}

function parse(scanner: Scanner, naming: Naming): FetchArguments {
  scanner.space();
  const set = parseSequenceSet(scanner);
  scanner.space();
  const items = [...parseFetchItems(scanner)];
  let changedSince = null as number | null;
  let vanished = false;
  if (scanner.accept(' ')) {
    scanner.list(() => {
      const modifier = scanner.keyword('a modifier');
      if (modifier === 'VANISHED' && naming === 'uid') vanished = true;
      else if (modifier === 'CHANGEDSINCE') {
        scanner.space();
        changedSince = scanner.number(Number.MAX_SAFE_INTEGER);
      } else scanner.fail('Unknown modifier');
    });
  }
  if (vanished && changedSince === null) scanner.fail('VANISHED needs CHANGEDSINCE');
  scanner.end();
  const has = (column: string): boolean => items.some((item) => !isSection(item) && item.column === column);
  if (naming === 'uid' && !has('UID')) items.unshift({ column: 'UID' });
  if (changedSince !== null && !has('MODSEQ')) items.push({ column: 'MODSEQ' });
  return { set, items, changedSince, vanished };
}

/** The ranges without the messages unchanged since; also reports what has vanished since. */
async function narrow(
  session: Session,
  mailbox: SelectedMailbox,
  ranges: Ranges,
  { set, changedSince, vanished }: FetchArguments,
): Promise<Ranges> {
  if (changedSince === null) return ranges;
  const since = await session.services.store.mailboxes.changes(mailbox.id, changedSince);
  if (vanished) session.write(vanishedEarlier(mailbox, since.vanished, earlierRanges(mailbox, set)));
  return intersectRanges(ranges, mergeRanges(since.changed.map(({ uid }) => [uid, uid] as const)));
}

/** Reading a body marks the message as seen (RFC 9051 section 6.4.5). Returns the new states by UID. */
async function markSeen(
  session: Session,
  mailbox: SelectedMailbox,
  rows: readonly MessageRow[],
): Promise<ReadonlyMap<number, MessageState>> {
  const unseen = rows.filter(({ uid, flags }) => !flags.includes('\\Seen') && mailbox.uids.indexOf(uid) >= 0);
  if (unseen.length === 0) return new Map();
  const ranges = mergeRanges(unseen.map(({ uid }) => [uid, uid] as const));
  const { changed } = await session.services.store.mailboxes.store(mailbox.id, ranges, {
    op: 'add',
    flags: ['\\Seen'],
  });
  mailbox.noteOwn(changed);
  return new Map(changed.map((state) => [state.uid, state]));
}

export const fetch =
  (naming: Naming): Command<Selected> =>
  (scanner) => {
    const args = parse(scanner, naming);
    const { set, items, changedSince } = args;
    const marks = items.some((item) => isSection(item) && !item.peek);
    const wants = (column: string): boolean => items.some((item) => !isSection(item) && item.column === column);
    return async (session, { mailbox }) => {
      if (args.vanished && !session.qresync) return bad('Enable QRESYNC first.');
      if (wants('MODSEQ')) session.condstore = true;
      const asked = mailbox.resolve(set, naming);
      const ranges = await narrow(session, mailbox, asked, args);
      const writer = new FetchWriter(session, mailbox, items);
      let told = 0;
      if (ranges.length > 0) {
        for await (const rows of session.services.store.mailboxes.rows(mailbox.id, ranges, neededColumns(items))) {
          const seen = marks && !mailbox.readOnly ? await markSeen(session, mailbox, rows) : NONE_SEEN;
          const current = seen.size === 0 ? rows : rows.map((row) => ({ ...row, ...seen.get(row.uid) }));
          told += await writer.write(current, (row) => newState(session, mailbox, seen.get(row.uid), wants));
          if (session.connection.signal.aborted) break;
        }
      }
      const missing = changedSince === null && told < mailbox.uids.count(asked);
      return missing ? ok('Some of the requested messages no longer exist.', 'EXPUNGEISSUED') : ok('Fetch completed.');
    };
  };

const NONE_SEEN: ReadonlyMap<number, MessageState> = new Map();

/** A message that became seen by this FETCH reports its flags even if they were not requested. */
function newState(
  session: Session,
  mailbox: SelectedMailbox,
  state: MessageState | undefined,
  wants: (column: string) => boolean,
): string {
  if (state === undefined) return '';
  const items = wants('FLAGS') ? [] : [`FLAGS (${mailbox.formatFlags(state.uid, state.flags)})`];
  if (session.condstore && !wants('MODSEQ')) items.push(`MODSEQ (${state.modseq})`);
  return items.join(' ');
}
