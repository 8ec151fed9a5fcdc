/**
 * What is known about addresses (Postfix: verify(8)): a probe finds it out, and its result is kept for the times of
 * address_verify_…. It is kept in memory, as with Postfix's empty address_verify_map, and lost with a reload.
 *
 * A good result is not replaced by a failure before it expires. The number of results and of probes is limited; an
 * address is never probed twice at a time.
 */
import { LATE, within } from '../../bus/settle.ts';
import type { Clock } from '../../clock.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Verification, Verifications } from '../../lookup/verifications.ts';

/** Finds out about an address. Never rejects; null: it cannot be found out now, as at shutdown. */
export type Probe = (address: string) => Promise<Verification | null>;

interface Known {
  readonly result: Verification;
  readonly updatedAt: number;
  /** When it was last asked for. */
  probedAt: number;
}

const MOST_KNOWN = 100_000;
/** As Postfix: an address is not probed more often than this to refresh a result, ms. */
const REFRESH_PAUSE = 1_000_000;

export class Verifier implements Verifications {
  readonly #parameters: ParameterReader;
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #known = new Map<string, Known>();
  readonly #running = new Map<string, Promise<Verification | null>>();
  #probe: Probe | null = null;

  constructor(options: { readonly parameters: ParameterReader; readonly clock: Clock }) {
    this.#parameters = options.parameters;
    this.#clock = options.clock;
  }

  /** Before this, nothing is known and nothing is asked. */
  open(probe: Probe): void {
    this.#probe = probe;
  }

  async verify(address: string, patience: number): Promise<Verification | null> {
    const now = this.#clock();
    const known = this.#find(address, now);
    if (known === null) {
      const running = this.#start(address, now);
      if (running === null) return null;
      const result = await within(running, patience);
      return result === LATE ? null : (result as Verification | null);
    }
    if (this.#isStale(known, now)) {
      known.probedAt = now;
      void this.#start(address, now);
    }
    return known.result;
  }

  /** What is known and has not expired. */
  #find(address: string, now: number): Known | null {
    const known = this.#known.get(address);
    if (known === undefined) return null;
    const lifetime = this.#parameters.time(
      isGood(known.result) ? 'address_verify_positive_expire_time' : 'address_verify_negative_expire_time',
    );
    if (now - known.updatedAt <= lifetime) return known;
    this.#known.delete(address);
    return null;
  }

  #isStale({ result, updatedAt, probedAt }: Known, now: number): boolean {
    const age = this.#parameters.time(
      isGood(result) ? 'address_verify_positive_refresh_time' : 'address_verify_negative_refresh_time',
    );
    return now - updatedAt > age && now - probedAt > REFRESH_PAUSE;
  }

  /** The probe of an address; null if it is not the time for one more. */
  #start(address: string, now: number): Promise<Verification | null> | null {
    const running = this.#running.get(address);
    if (running !== undefined) return running;
    const most = this.#parameters.number('address_verify_pending_request_limit');
    if (this.#probe === null || this.#running.size >= most) return null;
    const probing = this.#probe(address).then((result) => {
      this.#running.delete(address);
      if (result !== null) this.#keep(address, result, now);
      return result;
    });
    this.#running.set(address, probing);
    return probing;
  }

  #keep(address: string, result: Verification, probedAt: number): void {
    const now = this.#clock();
    const known = this.#find(address, now);
    if (!isGood(result)) {
      if (known !== null && isGood(known.result)) return;
      if (!this.#parameters.boolean('address_verify_negative_cache')) return;
    }
    this.#known.delete(address);
    this.#known.set(address, { result, updatedAt: now, probedAt });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

const isGood = ({ status }: Verification): boolean => status === 'deliverable';
