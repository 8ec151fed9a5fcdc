/** CLOSE (RFC 9051 section 6.4.1) and UNSELECT (RFC 3691). */
import { bare } from '../command.ts';
import { ok } from '../completion.ts';
import type { Selected } from '../state.ts';

/** Messages with \Deleted are expunged without EXPUNGE responses. */
export const close = bare<Selected>(async (session, { mailbox, account }) => {
  const { store, events } = session.services;
  if (!mailbox.readOnly) events.deleted(account, mailbox.opened, (await store.mailboxes.expunge(mailbox.id)).uids);
  session.deselect();
  return ok('Close completed.');
});

export const unselect = bare<Selected>((session) => {
  session.deselect();
  return ok('Unselect completed.');
});
