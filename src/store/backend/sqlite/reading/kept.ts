/** Expunged messages that are kept, a page at a time. */
import type { KeptMessage, KeptPlace, ReaderCalls } from '../calls.ts';
import type { Reading } from './connection.ts';

const PAGE = 500;

export function listKept(
  { db }: Reading,
  { account, after }: { readonly account: number; readonly after: KeptPlace },
): ReaderCalls['listKept']['result'] {
  const messages = db.all<KeptMessage & { readonly id: number }>(
    `SELECT id, uid, mailbox, uid_validity AS uidValidity, expunged_at AS expungedAt, flags AS mask, keywords,
       internal_date AS internalDate, prefix, content
     FROM kept WHERE account = ? AND (uid_validity, uid, id) > (?, ?, ?) ORDER BY uid_validity, uid, id LIMIT ${PAGE}`,
    account,
    ...after,
  );
  const last = messages.length < PAGE ? undefined : messages.at(-1);
  return { messages, next: last === undefined ? null : [last.uidValidity, last.uid, last.id] };
}
