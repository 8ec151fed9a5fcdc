/** Creates, renames, deletes and subscribes mailboxes (RFC 9051 sections 6.3.4 to 6.3.8). */
import type { Mailbox, SpecialUse } from '../../../../mail/mailbox.ts';
import { HIERARCHY_SEPARATOR } from '../../../../mail/mailbox.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { checkName, superiors } from '../../names.ts';
import type { WriterCalls } from '../calls.ts';
import { type MailboxColumns, SELECT_MAILBOX, toMailbox } from '../mailbox-row.ts';
import { removeRows } from './content-references.ts';
import { moveAll } from './copy.ts';

import { keepRows } from './kept.ts';
import { MAX_MAILBOXES, type Writing } from './writing.ts';

export function createMailbox(
  w: Writing,
  a: { readonly account: number; readonly name: string; readonly specialUse: SpecialUse; readonly now: number },
): Mailbox {
  const name = checkName(a.name);
  if (findId(w, a.account, name) !== undefined)
    throw new MailboxError('alreadyexists', 'a mailbox of that name exists');
  const account = w.db.get<{ id: number }>('SELECT id FROM account WHERE id = ?', a.account);
  if (account === undefined) throw new MailboxError('nonexistent', 'the account no longer exists');
  const id = makeMailbox(w, a.account, name, a.specialUse, a.now);
  const row = w.db.get<MailboxColumns>(`${SELECT_MAILBOX} WHERE m.id = ?`, id);
  if (row === undefined) throw new Error(`mailbox ${id} vanished while it was being created`);
  return toMailbox(row);
}

/** Creates a mailbox that does not exist, and its missing superiors. Returns its id. */
export function makeMailbox(w: Writing, account: number, given: string, specialUse: SpecialUse, now: number): number {
  const name = checkName(given);
  for (const superior of superiors(name)) {
    if (findId(w, account, superior) === undefined) insertMailbox(w, account, superior, '', now);
  }
  return insertMailbox(w, account, name, specialUse, now);
}

/** INBOX: its messages move to the new mailbox and INBOX stays, empty (RFC 9051 section 6.3.6). */
export function renameMailbox(
  w: Writing,
  a: { readonly account: number; readonly from: string; readonly to: string; readonly now: number },
): null {
  const from = checkName(a.from);
  const to = checkName(a.to);
  const id = findId(w, a.account, from);
  if (id === undefined) throw new MailboxError('nonexistent', 'no such mailbox');
  if (findId(w, a.account, to) !== undefined) throw new MailboxError('alreadyexists', 'a mailbox of that name exists');
  if (from === 'INBOX') {
    moveAll(w, id, makeMailbox(w, a.account, to, '', a.now));
    return null;
  }
  const prefix = `${from}${HIERARCHY_SEPARATOR}`;
  if (to.startsWith(prefix)) throw new MailboxError('cannot', 'a mailbox cannot become its own inferior');
  for (const superior of superiors(to)) {
    if (findId(w, a.account, superior) === undefined) insertMailbox(w, a.account, superior, '', a.now);
  }
  rename(w, a.account, id, to);
  const inferiors = w.db.all<{ id: number; name: string }>(
    'SELECT id, name FROM mailbox WHERE account = ? AND substr(name, 1, ?) = ? ORDER BY name',
    a.account,
    Array.from(prefix).length,
    prefix,
  );
  for (const inferior of inferiors) {
    const name = checkName(`${to}${HIERARCHY_SEPARATOR}${inferior.name.slice(prefix.length)}`);
    // Inferiors of a deleted mailbox stay, and one of them may have the new name.
    if (findId(w, a.account, name) !== undefined)
      throw new MailboxError('alreadyexists', 'an inferior of that name exists');
    rename(w, a.account, inferior.id, name);
  }
  return null;
}

export function removeMailbox(w: Writing, a: WriterCalls['removeMailbox']['args']): null {
  const name = checkName(a.name);
  if (name === 'INBOX') throw new MailboxError('cannot', 'INBOX cannot be deleted');
  const id = findId(w, a.account, name);
  if (id === undefined) throw new MailboxError('nonexistent', 'no such mailbox');
  dropMailbox(w, id, a.keptAt);
  w.tell({ kind: 'mailbox', account: a.account, mailbox: id });
  return null;
}

/** Deletes the mailbox with everything in it; its contents lose a reference if the messages are not kept (null). */
export function dropMailbox(w: Writing, id: number, keptAt: number | null): void {
  if (keptAt !== null) keepRows(w, id, keptAt);
  else
    removeRows(
      w,
      w.db.tuples<[number]>('SELECT content FROM message WHERE mailbox = ?', id).map(([content]) => content),
    );
  w.db.run('DELETE FROM message WHERE mailbox = ?', id);
  w.db.run('DELETE FROM expunged WHERE mailbox = ?', id);
  w.db.run('DELETE FROM keyword WHERE mailbox = ?', id);
  w.db.run('DELETE FROM mailbox WHERE id = ?', id);
}

export function subscribe(
  w: Writing,
  a: { readonly account: number; readonly name: string; readonly subscribed: boolean },
): null {
  const name = checkName(a.name);
  if (a.subscribed) {
    const count =
      w.db.get<{ n: number }>('SELECT count(*) AS n FROM subscription WHERE account = ?', a.account)?.n ?? 0;
    if (count >= MAX_MAILBOXES) throw new MailboxError('limit', `at most ${MAX_MAILBOXES} subscriptions`);
  }
  const changed = a.subscribed
    ? w.db.run('INSERT INTO subscription VALUES (?, ?) ON CONFLICT DO NOTHING', a.account, name)
    : w.db.run('DELETE FROM subscription WHERE account = ? AND name = ?', a.account, name);
  if (changed > 0) w.tell({ kind: 'mailbox', account: a.account, mailbox: findId(w, a.account, name) ?? 0 });
  return null;
}

/** Marks the UIDs below `upTo` as no longer recent for other sessions. Returns the first UID not claimed before. */
export function claimRecent(w: Writing, a: { readonly mailbox: number; readonly upTo: number }): number {
  const row = w.db.get<{ recent_from: number }>('SELECT recent_from FROM mailbox WHERE id = ?', a.mailbox);
  if (row === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
  if (row.recent_from < a.upTo) w.db.run('UPDATE mailbox SET recent_from = ? WHERE id = ?', a.upTo, a.mailbox);
  return row.recent_from;
}

export function findId(w: Writing, account: number, name: string): number | undefined {
  return w.db.get<{ id: number }>('SELECT id FROM mailbox WHERE account = ? AND name = ?', account, name)?.id;
}

function insertMailbox(w: Writing, account: number, name: string, specialUse: SpecialUse, now: number): number {
  const count = w.db.get<{ n: number }>('SELECT count(*) AS n FROM mailbox WHERE account = ?', account)?.n ?? 0;
  if (count >= MAX_MAILBOXES) throw new MailboxError('limit', `an account has at most ${MAX_MAILBOXES} mailboxes`);
  const id = w.db.insert(
    'INSERT INTO mailbox (account, name, special_use, uid_validity) VALUES (?, ?, ?, ?)',
    account,
    name,
    specialUse,
    nextUidValidity(w, now),
  );
  w.tell({ kind: 'mailbox', account, mailbox: id });
  return id;
}

/** Seconds since 1970, but always greater than any UIDVALIDITY assigned before, whatever the clock says. */
function nextUidValidity(w: Writing, now: number): number {
  const next = w.db.get<{ value: number }>(
    "UPDATE meta SET value = max(value + 1, ?) WHERE name = 'uidvalidity' RETURNING value",
    Math.max(1, Math.floor(now / 1000)),
  );
  if (next === undefined) throw new Error('the store has lost its UIDVALIDITY counter');
  if (next.value > 0xffff_ffff) throw new Error('the clock is beyond the year 2106: no UIDVALIDITY is left');
  return next.value;
}

function rename(w: Writing, account: number, id: number, name: string): void {
  w.db.run('UPDATE mailbox SET name = ? WHERE id = ?', name, id);
  w.tell({ kind: 'mailbox', account, mailbox: id });
}
