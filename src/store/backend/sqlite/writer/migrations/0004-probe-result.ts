/** What probes found out about addresses (store/probe-results.ts). */
export const PROBE_RESULT = `
CREATE TABLE probe_result (
  address TEXT PRIMARY KEY,
  status TEXT NOT NULL,                   -- deliverable, deferred, undeliverable
  text TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  probed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX probe_result_by_time ON probe_result (status, updated_at);
`;
