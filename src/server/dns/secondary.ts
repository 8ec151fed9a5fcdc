/**
 * A secondary zone (RFC 1034 section 4.3.5, RFC 1996). Queries its primaries for the serial on the SOA's timers and
 * after each NOTIFY, transfers the zone when there is a newer version, keeps a copy in a file, and stops answering when
 * no primary has confirmed the zone within the expire time.
 */

import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { openDnsStream, randomId } from '../../net/dns-client.ts';
import type { Endpoint } from '../../protocol/dns/endpoint.ts';
import { CLASS, type Message, makeQuery, RCODE } from '../../protocol/dns/message.ts';
import { nameKey, withoutFinalDot } from '../../protocol/dns/name.ts';
import { TYPE } from '../../protocol/dns/rr/table.ts';
import { isNewerSerial, readSoa, type Soa } from '../../protocol/dns/soa.ts';
import { TransferReader } from '../../protocol/dns/transfer.ts';
import { buildZone, type Zone } from '../../protocol/dns/zone.ts';
import { printZone } from '../../protocol/dns/zone-print.ts';
import { withLongWork } from '../../running.ts';
import type { ZoneOptions } from './zones.ts';

export interface SecondaryOptions {
  readonly options: ZoneOptions;
  /** The content read from its file, or null. */
  readonly zone: Zone | null;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  clock(): number;
  /** Writes the copy atomically. */
  save(file: string, text: Iterable<string>): Promise<void>;
  /** New content, or null when the zone expired. */
  onZone(zone: Zone | null): void;
}

/** Timeout for connecting and between two messages, ms. */
const TIMEOUT = 30_000;
const MAX_OCTETS = 512 * 1024 * 1024;
const MAX_RECORDS = 5_000_000;
/** Limits on the SOA's timers, seconds (BIND: min- and max-refresh-time, min- and max-retry-time). */
const BOUNDS = { refresh: [300, 2_419_200], retry: [500, 1_209_600] } as const;
/** Seconds between tries before the first transfer, when there is no SOA yet: 1 minute, doubled up to an hour. */
const FIRST_RETRY = 60;

export class Secondary {
  readonly #options: SecondaryOptions;
  readonly #stop = new AbortController();
  readonly #place: string;
  #zone: Zone | null;
  #confirmedAt: number;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  /** A NOTIFY arrived during a refresh, whose result may already be outdated. */
  #again = false;

  constructor(options: SecondaryOptions) {
    this.#options = options;
    this.#zone = options.zone;
    this.#confirmedAt = options.clock();
    this.#place = `zone ${withoutFinalDot(options.options.name)}/IN`;
  }

  /** Queries the primaries now. Calls during a refresh are merged into one more refresh. Never rejects. */
  refresh(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    clearTimeout(this.#timer);
    this.#running = this.#rounds().finally(() => {
      this.#running = null;
      if (!this.#stop.signal.aborted) this.#schedule();
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #rounds(): Promise<void> {
    do {
      this.#again = false;
      await this.#ask();
    } while (this.#again && !this.#stop.signal.aborted);
  }

  /** Tries each primary in turn; the first that answers decides. */
  async #ask(): Promise<void> {
    for (const primary of this.#options.options.primaries) {
      if (this.#stop.signal.aborted) return;
      try {
        await this.#refreshFrom(primary);
        this.#failures = 0;
        this.#confirmedAt = this.#options.clock();
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const reason = messageOf(error);
        this.#options.log.warn(
          { zone: this.#options.options.name },
          `${this.#place}: refresh from ${primary.address}#${primary.port} failed: ${reason}`,
        );
      }
    }
    this.#failures += 1;
    const expired = this.#zone !== null && this.#options.clock() - this.#confirmedAt >= this.#zone.soa.expire * 1000;
    if (!expired) return;
    this.#options.log.warn(
      { zone: this.#options.options.name },
      `${this.#place}: expired: no primary could be reached for ${this.#zone?.soa.expire} s`,
    );
    this.#zone = null;
    this.#options.onZone(null);
  }

  async #refreshFrom(primary: Endpoint): Promise<void> {
    const { options, log } = this.#options;
    const stream = await openDnsStream(primary, { timeout: TIMEOUT, maxOctets: MAX_OCTETS, signal: this.#stop.signal });
    try {
      const query = makeQuery(randomId(), { name: options.name, type: TYPE.SOA, class: CLASS.IN });
      stream.send(query);
      const soa = soaOf(await stream.receive(), query.id, options.name);
      if (this.#zone !== null && !isNewerSerial(soa.serial, this.#zone.soa.serial)) return;
      const transfer = makeQuery(randomId(), { name: options.name, type: TYPE.AXFR, class: CLASS.IN });
      stream.send(transfer);
      const reader = new TransferReader(
        transfer.id,
        { name: options.name, type: TYPE.AXFR, class: CLASS.IN },
        MAX_RECORDS,
      );
      while (!reader.push(await stream.receive()));
      const { zone } = withLongWork(() => buildZone(options.name, reader.records));
      if (zone === null || !zone.apex.sets.has(TYPE.NS))
        throw new Error('the transferred zone has no SOA or no NS records');
      log.info(
        { zone: options.name },
        `${this.#place}: transferred serial ${zone.soa.serial} from ${primary.address}#${primary.port}: ${reader.records.length} records`,
      );
      this.#zone = zone;
      this.#options.onZone(zone);
      await this.#save(zone);
    } finally {
      stream.close();
    }
  }

  /** The zone is served even if its copy cannot be saved. */
  async #save(zone: Zone): Promise<void> {
    const { file } = this.#options.options;
    if (file === null) return;
    try {
      await this.#options.save(file, printZone(zone));
    } catch (error) {
      this.#options.log.warn(
        { zone: this.#options.options.name, file },
        `${this.#place}: the copy could not be written to ${file}: ${String(error)}`,
      );
    }
  }

  #schedule(): void {
    const seconds =
      this.#failures === 0 ? bounded(this.#zone?.soa.refresh ?? FIRST_RETRY, BOUNDS.refresh) : this.#retrySeconds();
    this.#timer = setTimeout(() => void this.refresh(), seconds * 1000);
    this.#timer.unref();
  }

  #retrySeconds(): number {
    if (this.#zone !== null) return bounded(this.#zone.soa.retry, BOUNDS.retry);
    return Math.min(FIRST_RETRY * 2 ** (this.#failures - 1), 3600);
  }
}

const bounded = (seconds: number, [least, most]: readonly [number, number]): number =>
  Math.min(Math.max(seconds, least), most);

function soaOf(message: Message, id: number, name: string): Soa {
  if (!message.qr || message.id !== id || message.rcode !== RCODE.NOERROR)
    throw new Error(`the SOA query was answered with code ${message.rcode}`);
  const record = message.answers.find((answer) => answer.type === TYPE.SOA && nameKey(answer.name) === name);
  if (record === undefined || !message.aa) throw new Error('the primary is not authoritative for the zone');
  return readSoa(record.rdata);
}
