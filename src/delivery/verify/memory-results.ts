/** Results of probes that nobody else sees and that end with the process (an empty address_verify_map). */
import type { ProbeResult, ProbeResults } from '../../store/probe-results.ts';

const MOST = 100_000;

export class MemoryResults implements ProbeResults {
  /** The oldest first. */
  readonly #known = new Map<string, ProbeResult>();

  async find(address: string): Promise<ProbeResult | null> {
    return this.#known.get(address) ?? null;
  }

  async put(address: string, result: ProbeResult): Promise<void> {
    this.#known.delete(address);
    this.#known.set(address, result);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST && oldest !== undefined) this.#known.delete(oldest);
  }

  async clean(expiry: { readonly deliverable: number; readonly failed: number }) {
    const before = this.#known.size;
    for (const [address, { status, updatedAt }] of this.#known)
      if (updatedAt < (status === 'deliverable' ? expiry.deliverable : expiry.failed)) this.#known.delete(address);
    return { retained: this.#known.size, dropped: before - this.#known.size };
  }
}
