/**
 * What one client may do at once and within a time unit (Postfix: anvil; smtpd_client_*_limit).
 *
 * A client is an IPv4 address or an IPv6 /64. Clients in `exceptions` are not counted. What is limited is counted over
 * all processes; the time units of each begin by themselves. Memory is bounded: a client is forgotten when it has no
 * connection and its time unit is over, and beyond MAX_CLIENTS no new clients are counted.
 */
import { BlockList, isIP } from 'node:net';
import type { Clock } from '../../clock.ts';
import { limitKey } from '../../net/peer-address.ts';
import { Elsewhere, NOT_SHARED, type Sharing } from '../elsewhere.ts';
import { ClientHighs } from './client-highs.ts';

export type Counted = 'connections' | 'messages' | 'recipients' | 'logins' | 'handshakes';

export interface ClientLimitOptions {
  /** Concurrent connections; 0 means no limit, here and below. */
  readonly atOnce: number;
  /** Per time unit. */
  readonly rates: Readonly<Record<Counted, number>>;
  /** Milliseconds (anvil_rate_time_unit). */
  readonly timeUnit: number;
  /** Addresses and networks (smtpd_client_event_limit_exceptions); other items are ignored. */
  readonly exceptions: readonly string[];
  /** The topic is the service's. */
  readonly sharing?: Sharing;
}

interface Client {
  open: number;
  windowStart: number;
  readonly counts: Record<Counted, number>;
}

const NOTHING: Readonly<Record<Counted, number>> = {
  connections: 0,
  messages: 0,
  recipients: 0,
  logins: 0,
  handshakes: 0,
};

const MAX_CLIENTS = 50_000;
/**
 * When the table is full, sweep idle clients at most once per interval (ms), so a flood of new clients does not trigger
 * a sweep each.
 */
const SWEEP_EVERY = 1000;

export class ClientLimits {
  readonly #options: ClientLimitOptions;
  readonly #clock: Clock;
  readonly #exceptions = new BlockList();
  readonly #clients = new Map<string, Client>();
  readonly #elsewhere: Readonly<Record<Counted | 'open', Elsewhere>>;
  readonly #highs: ClientHighs;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: ClientLimitOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#highs = new ClientHighs(clock);
    const { atOnce, rates, sharing = NOT_SHARED } = options;
    const share = (name: string, limit: number, own: (client: Client) => number): Elsewhere =>
      new Elsewhere(limit > 0 ? { ...sharing, topic: `${sharing.topic} ${name}` } : NOT_SHARED, () => this.#each(own));
    const rate = (kind: Counted): Elsewhere =>
      share(kind, rates[kind], (client) => (this.#isOver(client) ? 0 : client.counts[kind]));
    this.#elsewhere = {
      open: share('open', atOnce, ({ open }) => open),
      connections: rate('connections'),
      messages: rate('messages'),
      recipients: rate('recipients'),
      logins: rate('logins'),
      handshakes: rate('handshakes'),
    };
    for (const item of options.exceptions) addNetwork(this.#exceptions, item);
  }

  /** Counts a new connection: false if it exceeds the limit. Every `open` requires a `close`. */
  open(ip: string): boolean {
    const key = limitKey(ip);
    const client = this.#client(ip, key);
    if (client === null) return true;
    client.open += 1;
    this.#highs.note('open', client.open, key);
    const { atOnce } = this.#options;
    const withinRate = this.#count(client, key, 'connections');
    return withinRate && (atOnce === 0 || client.open + this.#elsewhere.open.count(key) <= atOnce);
  }

  close(ip: string): void {
    const key = limitKey(ip);
    const client = this.#clients.get(key);
    if (client === undefined || client.open === 0) return;
    client.open -= 1;
    if (client.open === 0 && !Object.values(this.#options.rates).some((rate) => rate > 0)) this.#clients.delete(key);
  }

  /** Counts one event of a kind: false if it exceeds the limit for this time unit. */
  allows(ip: string, kind: Counted): boolean {
    if (this.#options.rates[kind] === 0) return true;
    const key = limitKey(ip);
    const client = this.#client(ip, key);
    return client === null || this.#count(client, key, kind);
  }

  /** The highest counts since the last call, as lines of the log. */
  takeHighs(service: string): string[] {
    return this.#highs.take(service, this.#options.timeUnit);
  }

  /** When the last connection is closed. */
  end(): void {
    for (const elsewhere of Object.values(this.#elsewhere)) elsewhere.end();
  }

  /** Of every client for which it is not 0. */
  #each(own: (client: Client) => number): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [key, client] of this.#clients) {
      const count = own(client);
      if (count > 0) counts.set(key, count);
    }
    return counts;
  }

  #isOver({ windowStart }: Client): boolean {
    const now = this.#clock();
    return now - windowStart >= this.#options.timeUnit || now < windowStart;
  }

  #count(client: Client, key: string, kind: Counted): boolean {
    if (this.#isOver(client)) {
      client.windowStart = this.#clock();
      Object.assign(client.counts, NOTHING);
    }
    client.counts[kind] += 1;
    this.#highs.note(kind, client.counts[kind], key);
    const rate = this.#options.rates[kind];
    return rate === 0 || client.counts[kind] + this.#elsewhere[kind].count(key) <= rate;
  }

  /** Null for clients that are not counted. */
  #client(ip: string, key: string): Client | null {
    const family = isIP(ip) === 6 ? 'ipv6' : 'ipv4';
    if (this.#exceptions.check(ip, family)) return null;
    let client = this.#clients.get(key);
    if (client === undefined) {
      if (this.#clients.size >= MAX_CLIENTS) this.#forgetIdle();
      if (this.#clients.size >= MAX_CLIENTS) return null;
      client = {
        open: 0,
        windowStart: this.#clock(),
        counts: { ...NOTHING },
      };
      this.#clients.set(key, client);
      this.#highs.note('clients', this.#clients.size, '');
    }
    return client;
  }

  #forgetIdle(): void {
    const now = this.#clock();
    if (now >= this.#sweptAt && now - this.#sweptAt < SWEEP_EVERY) return;
    this.#sweptAt = now;
    const old = now - this.#options.timeUnit;
    for (const [key, client] of this.#clients) {
      if (client.open === 0 && client.windowStart <= old) this.#clients.delete(key);
    }
  }
}

/** `192.0.2.0/24`, `192.0.2.1`, `[2001:db8::]/32`. */
function addNetwork(list: BlockList, item: string): void {
  const [address = '', bits] = item.replace(/[[\]]/g, '').split('/');
  const family = isIP(address);
  if (family === 0) return;
  const width = family === 6 ? 128 : 32;
  const prefix = bits === undefined ? width : Number(bits);
  if (Number.isInteger(prefix) && prefix >= 0 && prefix <= width)
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
}
