/**
 * What is known about addresses (Postfix: verify(8)): a probe finds it out, and its result is kept for the times of
 * address_verify_…: in the store, where all processes see it, or in memory.
 *
 * A good result is not replaced by a failure before it expires. The number of probes is limited; an address is never
 * probed twice at a time.
 */
import { LATE, within } from '../../bus/settle.ts';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Verification, Verifications } from '../../lookup/verifications.ts';
import type { ProbeResult, ProbeResults } from '../../store/probe-results.ts';
import { trace } from '../../tracing.ts';

/** Finds out about an address. Never rejects; null: it cannot be found out now, as at shutdown. */
export type Probe = (address: string) => Promise<Verification | null>;

/** As Postfix: an address is not probed more often than this to refresh a result, ms. */
const REFRESH_PAUSE = 1_000_000;
/** Characters of a text that are kept. */
const LONGEST_TEXT = 1_000;
/** The longest that a timer of Node can wait, ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Verifier implements Verifications {
  readonly #parameters: ParameterReader;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #running = new Map<string, Promise<Verification | null>>();
  #sources: { readonly probe: Probe; readonly results: ProbeResults } | null = null;
  #cleaning: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: { readonly parameters: ParameterReader; readonly clock: Clock; readonly log: Log }) {
    this.#parameters = options.parameters;
    this.#clock = options.clock;
    this.#log = options.log.child({ process: 'postfix/verify' });
  }

  /** Before this, nothing is known and nothing is asked. */
  open(probe: Probe, results: ProbeResults): void {
    this.#sources = { probe, results };
  }

  close(): void {
    this.#isClosed = true;
    if (this.#cleaning !== null) clearInterval(this.#cleaning);
  }

  async verify(address: string, patience: number): Promise<Verification | null> {
    const watcher = trace();
    if (watcher?.hypothetical === true) {
      const found = await this.#find(address);
      const value = found === null ? null : this.#words(found);
      watcher.add({ kind: 'lookup', table: 'address_verify_map', key: address, value, place: null });
      return found === null ? null : verificationOf(found);
    }
    this.#cleanFromNowOn();
    const known = await this.#find(address);
    const now = this.#clock();
    if (known === null) {
      const running = this.#start(address, now);
      if (running === null) return null;
      const result = await within(running, patience);
      return result === LATE ? null : (result as Verification | null);
    }
    if (this.#isStale(known, now)) {
      // Told at once, so that no other process asks too.
      void this.#put(address, { ...known, probedAt: now });
      void this.#start(address, now);
    }
    return verificationOf(known);
  }

  /** What is known and has not expired. */
  async #find(address: string): Promise<ProbeResult | null> {
    try {
      const known = (await this.#sources?.results.find(address)) ?? null;
      return known !== null && known.updatedAt >= this.#expiry()[isGood(known) ? 'deliverable' : 'failed']
        ? known
        : null;
    } catch (error) {
      this.#log.warn({ err: error }, `address_verify_map: ${messageOf(error)}`);
      return null;
    }
  }

  /** Older results are expired. */
  #expiry(): { readonly deliverable: number; readonly failed: number } {
    const now = this.#clock();
    return {
      deliverable: now - this.#parameters.time('address_verify_positive_expire_time'),
      failed: now - this.#parameters.time('address_verify_negative_expire_time'),
    };
  }

  #isStale(known: ProbeResult, now: number): boolean {
    const age = this.#parameters.time(
      isGood(known) ? 'address_verify_positive_refresh_time' : 'address_verify_negative_refresh_time',
    );
    return now - known.updatedAt > age && now - known.probedAt > REFRESH_PAUSE;
  }

  /** The probe of an address; null if it is not the time for one more. */
  #start(address: string, now: number): Promise<Verification | null> | null {
    const running = this.#running.get(address);
    if (running !== undefined) return running;
    const most = this.#parameters.number('address_verify_pending_request_limit');
    if (this.#sources === null || this.#running.size >= most) return null;
    const probing = this.#sources.probe(address);
    this.#running.set(address, probing);
    void probing
      .then((result) => (result === null ? undefined : this.#keep(address, result, now)))
      .finally(() => this.#running.delete(address));
    return probing;
  }

  async #keep(address: string, result: Verification, probedAt: number): Promise<void> {
    if (!isGood(result)) {
      const known = await this.#find(address);
      if (known !== null && isGood(known)) return;
      if (!this.#parameters.boolean('address_verify_negative_cache')) return;
    }
    const text = result.text.slice(0, LONGEST_TEXT);
    await this.#put(address, { status: result.status, text, updatedAt: this.#clock(), probedAt });
  }

  /** What cannot be kept is asked again. */
  async #put(address: string, result: ProbeResult): Promise<void> {
    await this.#sources?.results
      .put(address, result)
      .catch((error: unknown) => this.#log.warn({ err: error }, `address_verify_map: ${messageOf(error)}`));
  }

  /** As verify(8), which runs from the first question on (address_verify_cache_cleanup_interval). */
  #cleanFromNowOn(): void {
    const interval = this.#parameters.time('address_verify_cache_cleanup_interval');
    if (this.#cleaning !== null || this.#isClosed || interval === 0) return;
    this.#cleaning = setInterval(() => void this.#clean(), Math.min(interval, LONGEST_TIMER)).unref();
    void this.#clean();
  }

  async #clean(): Promise<void> {
    const name = this.#parameters.string('address_verify_map') || 'internal';
    try {
      const cleaned = await this.#sources?.results.clean(this.#expiry());
      if (cleaned === undefined) return;
      this.#log.info(
        cleaned,
        `cache ${name} full cleanup: retained=${cleaned.retained} dropped=${cleaned.dropped} entries`,
      );
    } catch (error) {
      if (!this.#isClosed) this.#log.warn({ err: error }, `cache ${name} cleanup: ${messageOf(error)}`);
    }
  }

  #words({ status, text, updatedAt }: ProbeResult): string {
    return `${status}, found out ${roughly(this.#clock() - updatedAt)} ago: ${text}`;
  }
}

const verificationOf = ({ status, text }: ProbeResult): Verification => ({ status, text });

/** A time in the largest unit of Postfix in which it is not 0. */
function roughly(ms: number): string {
  const [unit, length] = UNITS.find(([, one]) => ms >= one) ?? ['s', 1_000];
  return `${Math.floor(Math.max(0, ms) / length)}${unit}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

const isGood = ({ status }: Pick<Verification, 'status'>): boolean => status === 'deliverable';
