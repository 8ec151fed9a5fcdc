/** What plugins remember (store/plugin-states.ts). */
export const PLUGIN_STATE = `
CREATE TABLE plugin_state (
  plugin TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  expires_at INTEGER,                     -- NULL: never
  PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_state_by_expiry ON plugin_state (expires_at) WHERE expires_at IS NOT NULL;
`;
