/** What plugins remember. */
import { endOf, PAGE, type StateEntry } from '../../../plugin-states.ts';
import type { ReaderCalls } from '../calls.ts';
import type { Reading } from './connection.ts';

const LIVE = '(expires_at IS NULL OR expires_at > ?)';

export const pluginState = ({ db }: Reading, { plugin, key, now }: ReaderCalls['pluginState']['args']): string | null =>
  db.get<{ value: string }>(`SELECT value FROM plugin_state WHERE plugin = ? AND key = ? AND ${LIVE}`, plugin, key, now)
    ?.value ?? null;

export const pluginStateEntries = (
  { db }: Reading,
  { after }: ReaderCalls['pluginStateEntries']['args'],
): readonly StateEntry[] =>
  db.all<StateEntry>(
    `SELECT plugin, key, value, expires_at AS expiresAt FROM plugin_state WHERE (plugin, key) > (?, ?)
     ORDER BY plugin, key LIMIT ${PAGE}`,
    after?.plugin ?? '',
    after?.key ?? '',
  );

export const pluginStateKeys = (
  { db }: Reading,
  { plugin, prefix, limit, now }: ReaderCalls['pluginStateKeys']['args'],
): readonly string[] =>
  db
    .all<{ key: string }>(
      `SELECT key FROM plugin_state WHERE plugin = ? AND key >= ? AND key < ? AND ${LIVE} ORDER BY key LIMIT ? + 0`,
      plugin,
      prefix,
      endOf(prefix),
      now,
      limit,
    )
    .map(({ key }) => key);
