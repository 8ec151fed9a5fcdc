/** STORE and UID STORE (RFC 9051 section 6.4.6) with UNCHANGEDSINCE (RFC 7162 section 3.1.3). */
import type { MessageState } from '../../../mail/mailbox.ts';
import { parseStoreFlags } from '../../../protocol/imap/flags.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import {
  formatSet,
  mergeRanges,
  parseSequenceSet,
  type Ranges,
  type SequenceSet,
} from '../../../protocol/imap/sequence-set.ts';
import type { StoreFlags } from '../../../store/mailboxes.ts';
import type { Command } from '../command.ts';
import { no, ok } from '../completion.ts';
import type { Naming } from '../selected-mailbox.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

interface StoreArguments {
  readonly set: SequenceSet;
  readonly change: StoreFlags;
  readonly silent: boolean;
}

function parse(scanner: Scanner): StoreArguments {
  scanner.space();
  const set = parseSequenceSet(scanner);
  scanner.space();
  let unchangedSince: number | undefined;
  if (scanner.accept('(')) {
    if (scanner.keyword('a modifier') !== 'UNCHANGEDSINCE') scanner.fail('Unknown modifier');
    scanner.space();
    unchangedSince = scanner.number(Number.MAX_SAFE_INTEGER);
    scanner.expect(')');
    scanner.space();
  }
  const op = scanner.accept('+') ? 'add' : scanner.accept('-') ? 'remove' : 'set';
  const name = scanner.keyword('FLAGS');
  if (name !== 'FLAGS' && name !== 'FLAGS.SILENT') scanner.fail('Expected FLAGS or FLAGS.SILENT');
  scanner.space();
  const flags = parseStoreFlags(scanner);
  scanner.end();
  return {
    set,
    change: { op, flags, ...(unchangedSince === undefined ? {} : { unchangedSince }) },
    silent: name === 'FLAGS.SILENT',
  };
}

/** The states of the messages of `ranges` that the store left unchanged. Missing ones have been expunged. */
async function unchanged(
  session: Session,
  { mailbox }: Selected,
  ranges: Ranges,
  touched: ReadonlySet<number>,
): Promise<readonly MessageState[]> {
  const rest = mergeRanges(
    [...mailbox.uids.within(ranges)].filter((uid) => !touched.has(uid)).map((uid) => [uid, uid] as const),
  );
  const states: MessageState[] = [];
  if (rest.length === 0) return states;
  for await (const rows of session.services.store.mailboxes.rows(mailbox.id, rest, {})) {
    for (const { uid, flags, modseq } of rows) states.push({ uid, flags, modseq });
  }
  return states;
}

export const store =
  (naming: Naming): Command<Selected> =>
  (scanner) => {
    const { set, change, silent } = parse(scanner);
    return async (session, state) => {
      const { mailbox } = state;
      if (mailbox.readOnly) return no('Mailbox is read-only.', 'READ-ONLY');
      if (change.unchangedSince !== undefined) session.condstore = true;
      const ranges = mailbox.resolve(set, naming);
      if (ranges.length === 0) return ok('Store completed.');
      const { changed, conflicts } = await session.services.store.mailboxes.store(mailbox.id, ranges, change);
      mailbox.noteOwn(changed);
      const told = silent
        ? changed
        : [
            ...changed,
            ...(await unchanged(session, state, ranges, new Set([...changed.map(({ uid }) => uid), ...conflicts]))),
          ];
      // .SILENT suppresses flags, but a client using MODSEQs must learn the new ones.
      const show = { uid: naming === 'uid' || session.condstore, modseq: session.condstore, flags: !silent };
      const out =
        silent && !session.condstore
          ? []
          : [...told].sort((a, b) => a.uid - b.uid).map((message) => mailbox.stateResponse(message, show));
      session.write(mailbox.reportKeywords() + out.join(''));
      if (conflicts.length > 0) {
        const names = naming === 'uid' ? conflicts : conflicts.map((uid) => mailbox.uids.indexOf(uid) + 1);
        return ok('Conditional store failed.', `MODIFIED ${formatSet([...names].sort((a, b) => a - b))}`);
      }
      const missing = !silent && told.length < mailbox.uids.count(ranges);
      return missing ? ok('Some of the messages no longer exist.', 'EXPUNGEISSUED') : ok('Store completed.');
    };
  };
