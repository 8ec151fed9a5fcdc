/** Expunged messages that can be brought back (store/expunged.ts). Each is a reference to its content. */
export const KEPT = `
CREATE TABLE kept (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,          -- of its mailbox
  uid INTEGER NOT NULL,
  mailbox TEXT NOT NULL,                  -- its name then
  expunged_at INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  internal_date INTEGER NOT NULL,
  content INTEGER NOT NULL,
  prefix TEXT NOT NULL
) STRICT;
CREATE INDEX kept_by_account ON kept (account, uid_validity, uid);
CREATE INDEX kept_by_time ON kept (expunged_at);
`;
