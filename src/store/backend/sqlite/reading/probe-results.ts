/** What probes found out about an address. */
import type { ProbeResult } from '../../../probe-results.ts';
import type { ReaderCalls } from '../calls.ts';
import type { Reading } from './connection.ts';

export const findProbeResult = (
  { db }: Reading,
  { address }: ReaderCalls['findProbeResult']['args'],
): ProbeResult | null =>
  db.get<ProbeResult>(
    'SELECT status, text, updated_at AS updatedAt, probed_at AS probedAt FROM probe_result WHERE address = ?',
    address,
  ) ?? null;
