/**
 * Mail from another store (store/transfer.ts). Each operation does again what it has done without a further effect, and
 * no counter goes back.
 */
import type { Account } from '../../../../mail/account.ts';
import type { Mailbox } from '../../../../mail/mailbox.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { checkName } from '../../names.ts';
import type { WriterCalls } from '../calls.ts';
import { forwardingColumn } from '../directory-rows.ts';
import { type MailboxColumns, SELECT_MAILBOX, toMailbox } from '../mailbox-row.ts';
import { AWAITED } from '../references.ts';
import { storeContent } from './content.ts';
import { findAccount } from './directory.ts';
import { findId } from './mailboxes.ts';
import { discardSpool } from './spool.ts';
import type { Writing } from './writing.ts';

export function raiseUidValidity(w: Writing, { to }: { readonly to: number }): null {
  w.db.run("UPDATE meta SET value = max(value, ?) WHERE name = 'uidvalidity'", to);
  return null;
}

export function markCopy(w: Writing, { mark }: WriterCalls['markCopy']['args']): null {
  if (mark === null) w.db.run("DELETE FROM meta WHERE name = 'copy'");
  else w.db.run("INSERT OR REPLACE INTO meta VALUES ('copy', ?)", JSON.stringify(mark));
  return null;
}

export function putAccount(w: Writing, a: WriterCalls['putAccount']['args']): Account {
  const put = w.db.get<{ id: number }>(
    `INSERT INTO account (address, password_hash, disabled, quota, forwarding, created_at) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (address) DO UPDATE SET password_hash = excluded.password_hash, disabled = excluded.disabled,
       quota = excluded.quota, forwarding = excluded.forwarding, created_at = excluded.created_at
     RETURNING id`,
    a.address,
    a.passwordHash,
    Number(a.disabled),
    a.quota,
    forwardingColumn(a.forwarding),
    a.createdAt,
  );
  if (put === undefined) throw new Error(`the account ${a.address} could not be written`);
  return findAccount(w, put.id);
}

export function putMailbox(w: Writing, a: WriterCalls['putMailbox']['args']): Mailbox {
  const name = checkName(a.name);
  findAccount(w, a.account);
  const known = knownMailbox(w, a);
  const named = findId(w, a.account, name);
  if (named !== undefined && named !== known)
    throw new MailboxError('alreadyexists', 'another mailbox of that name exists');
  const id =
    known ??
    w.db.insert('INSERT INTO mailbox (account, name, uid_validity) VALUES (?, ?, ?)', a.account, name, a.uidValidity);
  w.db.run(
    `UPDATE mailbox SET name = ?, special_use = ?, uid_next = max(uid_next, ?), modseq = max(modseq, ?),
     recent_from = max(recent_from, ?), forgotten = max(forgotten, ?) WHERE id = ?`,
    name,
    a.specialUse,
    a.uidNext,
    a.highestModseq,
    a.recentFrom,
    a.forgotten,
    id,
  );
  raiseUidValidity(w, { to: a.uidValidity });
  w.tell({ kind: 'mailbox', account: a.account, mailbox: id });
  const row = w.db.get<MailboxColumns>(`${SELECT_MAILBOX} WHERE m.id = ?`, id);
  if (row === undefined) throw new Error(`mailbox ${id} vanished while it was being written`);
  return toMailbox(row);
}

function knownMailbox(w: Writing, a: WriterCalls['putMailbox']['args']): number | undefined {
  if (a.as !== undefined) return a.as ?? undefined;
  return w.db.get<{ id: number }>(
    'SELECT id FROM mailbox WHERE account = ? AND uid_validity = ?',
    a.account,
    a.uidValidity,
  )?.id;
}

/** One that was swept half-way is none: its row goes together with its chunks. */
export function putContent(w: Writing, a: WriterCalls['putContent']['args']): number {
  const known = w.db.get<{ id: number }>('SELECT id FROM content WHERE queue_id = ?', a.queueId);
  if (known === undefined) return storeContent(w, a, a.index, { refs: AWAITED, local: false, appended: '[]' });
  if (a.spool !== 0) discardSpool(w, a);
  w.db.run(`UPDATE content SET refs = ${AWAITED} WHERE id = ? AND refs = 0`, known.id);
  return known.id;
}
