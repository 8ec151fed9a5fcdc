/** A mail transaction for messages that do not come from an SMTP session: notifications, `posthorn sendmail`. */
import type { Transaction } from '../../bus/hook.ts';
import { makeNotes } from '../../bus/notes.ts';
import type { Envelope } from '../../mail/envelope.ts';

export function makeTransaction(queueId: string, envelope: Envelope): Transaction {
  return {
    queueId,
    reversePath: envelope.reversePath,
    recipients: envelope.recipients,
    announcedSize: 0,
    smtputf8: envelope.smtputf8,
    size: 0,
    header: null,
    notes: makeNotes(),
    prepend: [],
    bcc: [],
    redirect: null,
    discard: null,
    hold: null,
    filter: null,
  };
}
