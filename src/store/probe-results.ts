/**
 * What probes found out about addresses of other servers (Postfix: address_verify_map). All processes of the store see
 * the same. It is a cache: a copy of a store does not have it, and it is limited.
 */

export interface ProbeResult {
  /** `deferred`: there was no final answer. */
  readonly status: 'deliverable' | 'deferred' | 'undeliverable';
  readonly text: string;
  /** When it was found out, and when it was last asked for; ms since 1970 UTC. */
  readonly updatedAt: number;
  readonly probedAt: number;
}

/** Results of an earlier time go; ms since 1970 UTC. */
export interface Expiry {
  readonly deliverable: number;
  /** Of the others. */
  readonly failed: number;
}

export interface Cleanup {
  readonly retained: number;
  readonly dropped: number;
}

export interface ProbeResults {
  find(address: string): Promise<ProbeResult | null>;
  /** Replaces what was known. */
  put(address: string, result: ProbeResult): Promise<void>;
  /** Drops what is expired, and of more than MOST_RESULTS the oldest ones, those of failures first. */
  clean(expiry: Expiry): Promise<Cleanup>;
}

/** In the order in which they go where there are too many. */
export const STATUSES = [
  'deferred',
  'undeliverable',
  'deliverable',
] as const satisfies readonly ProbeResult['status'][];

/** So many stay at a cleanup; strangers choose which addresses are asked about. */
export const MOST_RESULTS = 1_000_000;
