/** What probes found out about addresses. */
import { type Cleanup, MOST_RESULTS, STATUSES } from '../../../probe-results.ts';
import type { WriterCalls } from '../calls.ts';
import type { Writing } from './writing.ts';

/** Rows of one step. */
const SLICE = 500;

export function putProbeResult(w: Writing, a: WriterCalls['putProbeResult']['args']): null {
  w.db.run(
    `INSERT INTO probe_result VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
     SET status = excluded.status, text = excluded.text, updated_at = excluded.updated_at, probed_at = excluded.probed_at`,
    a.address,
    a.status,
    a.text,
    Math.trunc(a.updatedAt),
    Math.trunc(a.probedAt),
  );
  return null;
}

export function cleanProbeResults(w: Writing, expiry: WriterCalls['cleanProbeResults']['args']): Cleanup {
  let left = SLICE;
  const drop = (status: string, before: number, most: number): number => {
    const dropped = w.db.run(
      `DELETE FROM probe_result WHERE address IN (
         SELECT address FROM probe_result WHERE status = ? AND updated_at < ? ORDER BY updated_at LIMIT ? + 0)`,
      status,
      before,
      Math.min(left, most),
    );
    left -= dropped;
    return dropped;
  };
  for (const status of STATUSES) drop(status, status === 'deliverable' ? expiry.deliverable : expiry.failed, SLICE);
  let retained = w.db.get<{ n: number }>('SELECT count(*) AS n FROM probe_result')?.n ?? 0;
  for (const status of STATUSES)
    retained -= drop(status, Number.MAX_SAFE_INTEGER, Math.max(0, retained - MOST_RESULTS));
  return { retained, dropped: SLICE - left };
}
