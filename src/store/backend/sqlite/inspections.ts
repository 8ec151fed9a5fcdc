/**
 * What can be wrong in a store's file: each check is a row, which finds in one statement, and so in one state of the
 * file. Mended is what follows from other data; where mail is missing, it only says so.
 */
import { CHUNK_SIZE } from '../../content.ts';
import { CHUNK_IDS } from './chunks.ts';
import type { Database } from './database.ts';

interface Check {
  readonly name: string;
  /** How many are looked at. */
  count(db: Database): number;
  /** Tells place and problem of each that is wrong. */
  find(db: Database, tell: (place: string, problem: string) => void): void;
  /** SQL statements that mend what was found, or as much of it as they can. */
  readonly mend: readonly string[];
}

interface Row {
  readonly name: string;
  /** SQL: a number. */
  readonly count: string;
  /** SQL: place and problem. */
  readonly find: string;
  readonly mend?: readonly string[];
}

const MESSAGE_PLACE = `coalesce((SELECT a.address || ' ' || b.name FROM mailbox b JOIN account a ON a.id = b.account
  WHERE b.id = m.mailbox), 'mailbox ' || m.mailbox) || ' UID ' || m.uid`;

/** The content of each row and item that refers to one. */
const REFERRING = ['message', 'kept', 'item'].map((table) => `SELECT content FROM ${table}`).join(' UNION ALL ');

/** Contents whose count of references is not that of the rows and items that refer to them. */
const MISCOUNTED = `SELECT c.id, c.queue_id, c.refs, coalesce(u.uses, 0) AS uses
  FROM content c LEFT JOIN (
    SELECT content, count(*) AS uses FROM (${REFERRING}) GROUP BY content
  ) u ON u.content = c.id
  WHERE c.refs <> coalesce(u.uses, 0) AND (c.refs >= 0 OR u.uses IS NOT NULL)`;

/** The chunks `k` of a content `c`. */
const CHUNKS_OF = `k.id BETWEEN c.id * ${CHUNK_IDS} AND c.id * ${CHUNK_IDS} + ${CHUNK_IDS} - 1`;
const CHUNK_NUMBER = `k.id % ${CHUNK_IDS}`;

/**
 * Contents whose chunks do not make up their size. Where all chunks are whole, and the prepared index ends where they
 * do, it is the size that is wrong. (In the order of contents, so that nothing is sorted: octets would be, too.)
 */
const MISSIZED = `SELECT id, queue_id, size, octets,
    is_whole AND octets = CASE WHEN json_valid(root) THEN root ->> '$.bodyEnd' END AS is_certain
  FROM (
    SELECT c.id, c.queue_id, c.size, c.root, coalesce(sum(octet_length(k.bytes)), 0) AS octets,
      count(k.id) = coalesce(max(${CHUNK_NUMBER}) + 1, 0)
        AND coalesce(min(iif(octet_length(k.bytes) = ${CHUNK_SIZE}, NULL, ${CHUNK_NUMBER})) = max(${CHUNK_NUMBER}), 1) AS is_whole
    FROM content c LEFT JOIN chunk k ON ${CHUNKS_OF}
    WHERE c.queue_id IS NOT NULL AND c.refs <> 0 GROUP BY c.id
  ) WHERE size <> octets OR NOT is_whole`;

/** Certain where the content's own size is that of its chunks. */
const ROW_SIZES = `SELECT m.mailbox, m.uid, m.size, c.size + octet_length(m.prefix) AS octets,
    c.size = (SELECT coalesce(sum(octet_length(k.bytes)), 0) FROM chunk k WHERE ${CHUNKS_OF}) AS is_certain
  FROM message m JOIN content c ON c.id = m.content WHERE m.size <> c.size + octet_length(m.prefix)`;

const ROW_DATES = `SELECT m.mailbox, m.uid, m.sent_at, c.sent_at AS dated
  FROM message m JOIN content c ON c.id = m.content WHERE m.sent_at IS NOT c.sent_at`;

/** Rows that nothing can reach any more, by table: what tells them. */
const LEFT_OVER: Readonly<Record<string, string>> = {
  // Octets to which a message refers are evidence, whatever else is missing.
  chunk: `id / ${CHUNK_IDS} NOT IN (SELECT id FROM content UNION ALL ${REFERRING})`,
  keyword: 'mailbox NOT IN (SELECT id FROM mailbox)',
  expunged: 'mailbox NOT IN (SELECT id FROM mailbox)',
  subscription: 'account NOT IN (SELECT id FROM account)',
  delivered: 'content NOT IN (SELECT id FROM content)',
};
const leftOver = (make: (table: string, condition: string) => string): string[] =>
  Object.entries(LEFT_OVER).map(([table, condition]) => make(table, condition));

const ROWS: readonly Row[] = [
  {
    name: 'mailboxes of accounts',
    count: 'SELECT count(*) FROM mailbox',
    find: `SELECT 'mailbox ' || name, 'its account ' || account || ' does not exist' FROM mailbox
      WHERE account NOT IN (SELECT id FROM account)`,
  },
  {
    name: 'rows of mailboxes',
    count: 'SELECT count(*) FROM message',
    find: `SELECT 'mailbox ' || mailbox, 'it does not exist, and has ' || count(*) || ' messages' FROM message
      WHERE mailbox NOT IN (SELECT id FROM mailbox) GROUP BY mailbox`,
  },
  {
    name: 'contents of rows',
    count: 'SELECT count(*) FROM message',
    find: `SELECT ${MESSAGE_PLACE}, 'its content ' || content || ' does not exist' FROM message m
      WHERE content NOT IN (SELECT id FROM content WHERE queue_id IS NOT NULL)`,
  },
  {
    name: 'contents of queue items',
    count: 'SELECT count(*) FROM item',
    find: `SELECT 'queue item ' || id || ' for ' || recipient, 'its content ' || content || ' does not exist' FROM item
      WHERE content NOT IN (SELECT id FROM content WHERE queue_id IS NOT NULL)`,
  },
  {
    name: 'expunged messages',
    count: 'SELECT count(*) FROM kept',
    find: `SELECT mailbox || ' UID ' || uid, 'its account ' || account || ' does not exist' FROM kept
        WHERE account NOT IN (SELECT id FROM account)
      UNION ALL SELECT (SELECT a.address FROM account a WHERE a.id = account) || ' ' || mailbox || ' UID ' || uid,
        'its content ' || content || ' does not exist' FROM kept
        WHERE account IN (SELECT id FROM account) AND content NOT IN (SELECT id FROM content WHERE queue_id IS NOT NULL)`,
    mend: ['DELETE FROM kept WHERE account NOT IN (SELECT id FROM account)'],
  },
  {
    name: 'references to contents',
    count: 'SELECT count(*) FROM content',
    find: `SELECT 'message ' || coalesce(queue_id, id), 'counts ' || refs || ' references, and has ' || uses FROM (${MISCOUNTED})`,
    mend: [`UPDATE content SET refs = w.uses FROM (${MISCOUNTED}) w WHERE content.id = w.id`],
  },
  {
    name: 'chunks of contents',
    count: 'SELECT count(*) FROM chunk',
    find: `SELECT 'message ' || queue_id, CASE WHEN is_certain
        THEN 'its size is said to be ' || size || ' octets, and is ' || octets
        ELSE 'has ' || octets || ' of ' || size || ' octets: a chunk is missing or short' END FROM (${MISSIZED})`,
    mend: [`UPDATE content SET size = w.octets FROM (${MISSIZED}) w WHERE content.id = w.id AND w.is_certain`],
  },
  {
    name: 'sizes of rows',
    count: 'SELECT count(*) FROM message',
    find: `SELECT ${MESSAGE_PLACE}, 'its size is said to be ' || size || ' octets, and is ' || octets FROM (${ROW_SIZES}) m`,
    mend: [
      `UPDATE message SET size = w.octets FROM (${ROW_SIZES}) w
        WHERE message.mailbox = w.mailbox AND message.uid = w.uid AND w.is_certain`,
    ],
  },
  {
    name: 'dates of rows',
    count: 'SELECT count(*) FROM message',
    find: `SELECT ${MESSAGE_PLACE}, 'its Date is ' || ifnull(sent_at, 'none') || ', that of its content ' || ifnull(dated, 'none')
      FROM (${ROW_DATES}) m`,
    mend: [
      `UPDATE message SET sent_at = w.dated FROM (${ROW_DATES}) w WHERE message.mailbox = w.mailbox AND message.uid = w.uid`,
    ],
  },
  {
    name: 'what is left over',
    count: `SELECT sum(n) FROM (${leftOver((table) => `SELECT count(*) AS n FROM ${table}`).join(' UNION ALL ')})`,
    find: leftOver(
      (table, condition) =>
        `SELECT 'table ${table}', count(*) || ' rows belong to nothing' FROM ${table} WHERE ${condition} HAVING count(*) > 0`,
    ).join(' UNION ALL '),
    mend: leftOver((table, condition) => `DELETE FROM ${table} WHERE ${condition}`),
  },
];

const fromRow = ({ name, count, find, mend = [] }: Row): Check => ({
  name,
  count: (db) => db.tuple<[number]>(count)?.[0] ?? 0,
  find: (db, tell) =>
    db.each<[place: string, problem: string]>(([place, problem]) => {
      tell(place, problem);
      return true;
    }, find),
  mend,
});

/** SQLite's own check of pages, indexes and types: at most 100 problems. */
const FILE: Check = {
  name: 'pages of store.sqlite',
  count: (db) => db.tuple<[number]>('PRAGMA page_count')?.[0] ?? 0,
  find: (db, tell) => {
    for (const [problem] of db.tuples<[string]>('PRAGMA integrity_check(100)'))
      if (problem !== 'ok') tell('store.sqlite', problem);
  },
  mend: [],
};

/** The sizes of contents come before those of rows, which follow from them. */
export const CHECKS: readonly Check[] = [FILE, ...ROWS.map(fromRow)];
