/**
 * The first schema. Times are milliseconds since 1970 UTC; flags are a bit mask (flags.ts); JSON is used where SQL
 * never looks inside.
 *
 * Content ids are AUTOINCREMENT: an id is never reused, so data derived from content (the search file) can never be
 * taken for another message's. A chunk's id is `content * 4096 + sequence`: the chunks of one content are adjacent.
 */
export const INITIAL = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('uidvalidity', 0);

CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  address TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0,
  quota INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE alias (address TEXT PRIMARY KEY, targets TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE domain (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- Counters are kept with every change, so that STATUS reads one row.
CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  name TEXT NOT NULL,
  special_use TEXT NOT NULL DEFAULT '',
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  recent_from INTEGER NOT NULL DEFAULT 1, -- first UID that no session has been told of as recent
  forgotten INTEGER NOT NULL DEFAULT 0,   -- expunges up to this MODSEQ are no longer remembered one by one
  UNIQUE (account, name)
) STRICT;
CREATE TABLE subscription (account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)) STRICT, WITHOUT ROWID;
CREATE TABLE keyword (mailbox INTEGER NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (mailbox, folded)) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,                 -- separated by a space
  internal_date INTEGER NOT NULL,
  size INTEGER NOT NULL,                  -- prefix and content
  sent_at INTEGER,
  content INTEGER NOT NULL,
  prefix TEXT NOT NULL,
  PRIMARY KEY (mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_modseq ON message (mailbox, modseq);
CREATE TABLE expunged (mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uids TEXT NOT NULL, PRIMARY KEY (mailbox, modseq)) STRICT, WITHOUT ROWID;

CREATE TABLE content (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue_id TEXT UNIQUE,                   -- null while the content is a spool
  refs INTEGER NOT NULL,                  -- mailbox rows and queue items; 0: to be swept; -1: a spool in progress
  size INTEGER NOT NULL,
  arrived_at INTEGER NOT NULL,
  local INTEGER NOT NULL,                 -- 1: has been in a mailbox, search text is wanted
  reverse_path TEXT NOT NULL,
  ret TEXT NOT NULL,
  envid TEXT NOT NULL,
  smtputf8 INTEGER NOT NULL,
  body TEXT NOT NULL,
  sent_at INTEGER,
  message_id TEXT NOT NULL,
  appended TEXT NOT NULL,                 -- JSON [[mailbox, uid, uidvalidity], ...]: the answer to a repeated acceptance
  envelope TEXT NOT NULL,
  body_structure TEXT NOT NULL,
  search TEXT NOT NULL,                   -- JSON
  root TEXT NOT NULL                      -- JSON of a Part
) STRICT;
CREATE INDEX content_unreferenced ON content (id) WHERE refs <= 0;
CREATE TABLE chunk (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
-- What late local deliveries have appended, so that a repeated one has no second effect.
CREATE TABLE delivered (
  content INTEGER NOT NULL,
  account INTEGER NOT NULL,
  target TEXT NOT NULL,                   -- name, or # and id, of the mailbox
  prefix TEXT NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  PRIMARY KEY (content, account, target, prefix)
) STRICT, WITHOUT ROWID;

CREATE TABLE item (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  content INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  original TEXT NOT NULL,
  notify TEXT NOT NULL,                   -- separated by a comma
  orcpt TEXT NOT NULL,
  destination TEXT NOT NULL,
  state INTEGER NOT NULL,                 -- 0 incoming, 1 deferred, 2 hold
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  warned INTEGER NOT NULL DEFAULT 0,
  last_reply TEXT,                        -- JSON of a Reply
  lease INTEGER NOT NULL DEFAULT 0        -- leased until then; 0: not leased
) STRICT;
CREATE INDEX item_by_content ON item (content);
CREATE INDEX item_due ON item (state, due_at, id, destination) WHERE lease = 0 AND state < 2;
CREATE INDEX item_by_destination ON item (destination, state, due_at, id) WHERE lease = 0 AND state < 2;
CREATE INDEX item_leased ON item (lease) WHERE lease > 0;
`;
