/** SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3) with CONDSTORE and QRESYNC (RFC 7162). */
import { parseMailbox } from '../../../protocol/imap/mailbox-name.ts';
import type { Command } from '../command.ts';
import { bad, noMailbox, ok } from '../completion.ts';
import { type Known, parseKnown, resync } from '../resync.ts';
import { SelectedMailbox } from '../selected-mailbox.ts';
import type { Authenticated, Selected } from '../state.ts';

export const select =
  (readOnly: boolean): Command<Authenticated | Selected> =>
  (scanner) => {
    scanner.space();
    const name = parseMailbox(scanner);
    let condstore = false;
    let known: Known | null = null;
    if (scanner.accept(' ')) {
      scanner.list(() => {
        const parameter = scanner.keyword('a parameter');
        if (parameter !== 'CONDSTORE' && parameter !== 'QRESYNC') scanner.fail('Unknown parameter');
        condstore = true;
        if (parameter === 'CONDSTORE') return;
        scanner.space();
        known = parseKnown(scanner);
      });
    }
    scanner.end();
    return async (session, { account }) => {
      if (known !== null && !session.qresync) return bad('Enable QRESYNC first.');
      if (session.state.kind === 'selected') {
        session.deselect();
        session.write('* OK [CLOSED] Previous mailbox closed.\r\n');
      }
      if (condstore) session.condstore = true;
      const { mailboxes } = session.services.store;
      const mailbox = await mailboxes.find(account.id, name);
      if (mailbox === null) return noMailbox(name);
      const selected = await SelectedMailbox.open(mailboxes, mailbox, readOnly, session.onNews);
      session.state = { kind: 'selected', account, mailbox: selected };
      const { opened, firstUnseen, uids } = selected;
      const unseen = firstUnseen === 0 ? 0 : uids.indexOf(firstUnseen) + 1;
      session.write(
        `${selected.flagsResponses()}* ${uids.length} EXISTS\r\n* ${selected.recent} RECENT\r\n` +
          `${unseen === 0 ? '' : `* OK [UNSEEN ${unseen}] First unseen.\r\n`}` +
          `* OK [UIDVALIDITY ${opened.uidValidity}] UIDs valid\r\n* OK [UIDNEXT ${opened.uidNext}] Predicted next UID\r\n` +
          `* OK [HIGHESTMODSEQ ${opened.highestModseq}] Highest\r\n`,
      );
      if (known !== null) await resync(session, selected, known);
      return readOnly ? ok('Examine completed.', 'READ-ONLY') : ok('Select completed.', 'READ-WRITE');
    };
  };
