/** What a transfer asks: records as they are stored. */
import type { Id } from '../../../../mail/account.ts';
import type { Envelope } from '../../../../mail/envelope.ts';
import type { CopyMark, StoredMailbox } from '../../../transfer.ts';
import type { StoredContent } from '../calls.ts';
import type { MailboxColumns } from '../mailbox-row.ts';
import type { Reading } from './connection.ts';
import { IS_STORED } from './content.ts';

export function mailboxRecords(r: Reading, { account }: { readonly account: number }): readonly StoredMailbox[] {
  return r.db.all<MailboxColumns>('SELECT * FROM mailbox WHERE account = ?', account).map((row) => ({
    id: row.id,
    account: row.account,
    name: row.name,
    specialUse: row.special_use,
    uidValidity: row.uid_validity,
    uidNext: row.uid_next,
    highestModseq: row.modseq,
    recentFrom: row.recent_from,
    forgotten: row.forgotten,
    messages: row.messages,
    unseen: row.unseen,
    deleted: row.deleted,
    size: row.size,
  }));
}

interface ContentColumns {
  readonly id: number;
  readonly queue_id: string;
  readonly size: number;
  readonly arrived_at: number;
  readonly reverse_path: string;
  readonly ret: Envelope['ret'];
  readonly envid: string;
  readonly smtputf8: number;
  readonly body: Envelope['body'];
  readonly sent_at: number | null;
  readonly message_id: string;
  readonly envelope: string;
  readonly body_structure: string;
  readonly search: string;
  readonly root: string;
}

export function contentRecords(
  r: Reading,
  { contents }: { readonly contents: readonly number[] },
): readonly (StoredContent | null)[] {
  const rows = r.db.all<ContentColumns>(
    `SELECT * FROM content WHERE id IN (SELECT value FROM json_each(?)) AND ${IS_STORED}`,
    JSON.stringify(contents),
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return contents.map((id) => {
    const row = byId.get(id);
    return row === undefined ? null : toContent(row);
  });
}

const toContent = (row: ContentColumns): StoredContent => ({
  queueId: row.queue_id,
  size: row.size,
  arrivedAt: row.arrived_at,
  envelope: {
    reversePath: row.reverse_path,
    ret: row.ret,
    envid: row.envid,
    smtputf8: row.smtputf8 === 1,
    body: row.body,
  },
  index: {
    sentAt: row.sent_at,
    messageId: row.message_id,
    envelope: row.envelope,
    bodyStructure: row.body_structure,
    search: row.search,
    root: row.root,
  },
});

export function contentsOf(r: Reading, { queueIds }: { readonly queueIds: readonly string[] }): readonly (Id | null)[] {
  const found = r.db.tuples<[string, number]>(
    `SELECT queue_id, id FROM content WHERE queue_id IN (SELECT value FROM json_each(?)) AND ${IS_STORED}`,
    JSON.stringify(queueIds),
  );
  const ids = new Map(found);
  return queueIds.map((queueId) => ids.get(queueId) ?? null);
}

export const uidValidity = (r: Reading): number => Number(meta(r, 'uidvalidity') ?? 0);

export function copyMark(r: Reading): CopyMark | null {
  const mark = meta(r, 'copy');
  return mark === undefined ? null : (JSON.parse(String(mark)) as CopyMark);
}

const meta = (r: Reading, name: string): unknown =>
  r.db.get<{ value: unknown }>('SELECT value FROM meta WHERE name = ?', name)?.value;
