/** What plugins remember. */
import type { WriterCalls } from '../calls.ts';
import type { Writing } from './writing.ts';

/** Rows of one step. */
const SLICE = 500;

export function putPluginState(
  { db }: Writing,
  { plugin, key, change: { before, value, expiresAt }, now }: WriterCalls['putPluginState']['args'],
): boolean {
  if (before !== undefined) {
    const present = db.get<{ value: string }>(
      'SELECT value FROM plugin_state WHERE plugin = ? AND key = ? AND (expires_at IS NULL OR expires_at > ?)',
      plugin,
      key,
      now,
    );
    if ((present?.value ?? null) !== before) return false;
  }
  if (value === null) db.run('DELETE FROM plugin_state WHERE plugin = ? AND key = ?', plugin, key);
  else
    db.run(
      `INSERT INTO plugin_state VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET value = excluded.value, expires_at = excluded.expires_at`,
      plugin,
      key,
      value,
      expiresAt,
    );
  return true;
}

/** Returns how many went; there may be more. */
export const sweepPluginStates = ({ db }: Writing, { now }: WriterCalls['sweepPluginStates']['args']): number =>
  db.run(
    `DELETE FROM plugin_state WHERE (plugin, key) IN (
       SELECT plugin, key FROM plugin_state WHERE expires_at <= ? LIMIT ${SLICE})`,
    now,
  );
