/**
 * The authoritative name server (requirements B3, B4, B5): zones over UDP and TCP, transfers out, NOTIFY out, and
 * secondary zones. Never answers for names outside its zones and never recurses.
 */

import { rename, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Hooks } from '../../bus/hook.ts';
import { counters } from '../../counters.ts';
import { messageOf, stackOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type DatagramSocket, openDatagram } from '../../net/datagram.ts';
import { type Listener, listen } from '../../net/listener.ts';
import { plainIp } from '../../net/peer-address.ts';
import type { Answer } from '../../protocol/dns/answer.ts';
import { type DnsQuestion, RCODE } from '../../protocol/dns/message.ts';
import { withoutFinalDot } from '../../protocol/dns/name.ts';
import { questionOf, readQuery } from '../../protocol/dns/query.ts';
import { typeName } from '../../protocol/dns/rr/table.ts';
import { type ListenAddress, localNetworks } from './listen.ts';
import { notifySecondaries } from './notify.ts';
import { given, Responder, type Response, refusal, type Transport } from './responder.ts';
import { Secondary } from './secondary.ts';
import { serveStream } from './tcp.ts';
import { type ServedZone, ZoneTable } from './zones.ts';

export interface DnsServerOptions {
  /** From `listenAddresses`; port 0 lets the system choose one port for both UDP and TCP. */
  readonly listen: readonly ListenAddress[];
  /** From `loadZones`. */
  readonly zones: readonly ServedZone[];
  /** Answer to `version.bind`; null refuses. */
  readonly version: string | null;
  readonly hooks: Hooks;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  clock(): number;
  /** Limits on TCP connections: in total (150, as BIND's tcp-clients), and per client (20). */
  readonly maxConnections?: number;
  readonly maxPerIp?: number;
}

export interface DnsServer {
  /** Addresses it listens on, with the actual ports. */
  readonly addresses: readonly { readonly address: string; readonly port: number }[];
  /** For our own resolver: `new StubResolver({ local: server.resolve })`. */
  resolve(question: DnsQuestion): Answer | null;
  zones(): readonly ServedZone[];
  /** After a reload: a zone that can no longer be read keeps its current content, as in BIND. */
  setZones(zones: readonly ServedZone[]): Promise<void>;
  /** Resolves when every secondary has queried its primaries once; used by tests and `zone refresh`. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

/** NOTIFYs for a zone are logged at most once per this interval, ms. */
const NOTIFY_LOG_EVERY = 10_000;
/** Queries waiting for plugins at one time; further ones are dropped, and clients will retry. */
const MAX_WAITING = 1000;
const IDLE_TIMEOUT = 30_000;
const QUERY_TIMEOUT = 10_000;

/** Rejects with a readable Error if an explicitly configured address cannot be bound. */
export async function openDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const server = new Server(options);
  try {
    await server.open();
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

class Server implements DnsServer {
  readonly #options: DnsServerOptions;
  readonly #log: Log;
  readonly #table: ZoneTable;
  readonly #responder: Responder;
  readonly #sockets: DatagramSocket[] = [];
  readonly #listeners: Listener[] = [];
  readonly #streams = new Set<Socket>();
  readonly #stop = new AbortController();
  #secondaries = new Map<string, { readonly served: ServedZone; readonly secondary: Secondary }>();
  #notifying = new Set<Promise<void>>();
  #waiting = 0;
  /** When a NOTIFY for each zone was last logged, ms. */
  readonly #notifiedAt = new Map<string, number>();

  constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#log = options.log.child({ process: 'named' });
    this.#table = new ZoneTable(localNetworks(), () => this.#responder.forget());
    this.#responder = new Responder({
      zones: this.#table,
      version: options.version,
      onNotify: (served, ip) => {
        this.#logNotify(served, ip);
        void this.#secondaries.get(served.options.name)?.secondary.refresh();
      },
    });
  }

  /** Anyone can send NOTIFYs from forged addresses, so logging is rate-limited per zone. */
  #logNotify({ options: { name } }: ServedZone, ip: string): void {
    const now = this.#options.clock();
    if (now - (this.#notifiedAt.get(name) ?? Number.NEGATIVE_INFINITY) < NOTIFY_LOG_EVERY) return;
    this.#notifiedAt.set(name, now);
    this.#log.info({ zone: name, ip }, `zone ${withoutFinalDot(name)}/IN: notify from ${ip}`);
  }

  get addresses(): readonly { readonly address: string; readonly port: number }[] {
    return this.#sockets.map(({ address, port }) => ({ address, port }));
  }

  readonly resolve = (question: DnsQuestion): Answer | null => this.#table.resolve(question);

  zones(): readonly ServedZone[] {
    return this.#table.list();
  }

  async open(): Promise<void> {
    await this.setZones(this.#options.zones);
    for (const address of this.#options.listen) {
      try {
        await this.#bind(address);
      } catch (error) {
        if (address.named) throw error;
        this.#log.warn({ address: address.address, port: address.port }, messageOf(error));
      }
    }
  }

  async setZones(zones: readonly ServedZone[]): Promise<void> {
    const before = new Map(this.#table.list().map((served) => [served.options.name, served]));
    const kept = zones.map((served) => ({
      options: served.options,
      zone: this.#content(served, before.get(served.options.name)),
    }));
    const names = new Set(kept.map(({ options }) => options.name));
    for (const [name, { options, zone }] of before)
      if (!names.has(name)) this.#tell({ options, zone: null }, zone?.soa.serial);
    const old = this.#secondaries;
    this.#secondaries = new Map();
    this.#table.replace(kept);
    await Promise.all([...old.values()].map(({ secondary }) => secondary.close()));
    for (const served of kept) {
      const serial = served.zone?.soa.serial;
      this.#tell(served, before.get(served.options.name)?.zone?.soa.serial);
      if (served.options.kind === 'secondary') this.#follow(served);
      else if (serial !== undefined && serial !== before.get(served.options.name)?.zone?.soa.serial) {
        this.#log.info(
          { zone: served.options.name },
          `zone ${withoutFinalDot(served.options.name)}/IN: loaded serial ${serial}`,
        );
        this.#notify(served);
      }
    }
  }

  /** Tells plugins that a zone has another serial than `before`. */
  #tell({ options: { name }, zone }: ServedZone, before: number | undefined): void {
    const serial = zone?.soa.serial;
    const { hooks } = this.#options;
    if (serial !== before && hooks.has('zone_changed'))
      void hooks.run('zone_changed', { zone: name, serial: serial ?? null });
  }

  /** For a secondary, the newer copy; for a primary whose file cannot be read, the current content. */
  #content(given: ServedZone, now: ServedZone | undefined): ServedZone['zone'] {
    if (given.zone === null || given.options.kind === 'secondary')
      return now?.options.kind === given.options.kind ? (now.zone ?? given.zone) : given.zone;
    return given.zone;
  }

  async refresh(): Promise<void> {
    await Promise.all([...this.#secondaries.values()].map(({ secondary }) => secondary.refresh()));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([
      ...this.#sockets.map((socket) => socket.close()),
      ...this.#listeners.map((listener) => listener.close()),
    ]);
    for (const stream of this.#streams) stream.destroy();
    await Promise.all([...this.#secondaries.values()].map(({ secondary }) => secondary.close()));
    await Promise.all(this.#notifying);
  }

  #follow(served: ServedZone): void {
    const { options } = served;
    const secondary = new Secondary({
      options,
      zone: served.zone,
      log: this.#log,
      clock: this.#options.clock,
      save: saveWhole,
      onZone: (zone) => {
        const before = this.#table.list().find((one) => one.options.name === options.name)?.zone?.soa.serial;
        this.#table.update(options, zone);
        this.#tell({ options, zone }, before);
        if (zone !== null) this.#notify({ options, zone });
      },
    });
    this.#secondaries.set(options.name, { served, secondary });
    void secondary.refresh();
  }

  #notify(served: ServedZone): void {
    const told = notifySecondaries(served, this.#log, this.#stop.signal).finally(() => this.#notifying.delete(told));
    this.#notifying.add(told);
  }

  /** TCP first: if the system chooses the port, UDP must get the same one, which may need several tries. */
  async #bind(address: ListenAddress): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const listener = await this.#listenTcp(address);
      try {
        this.#sockets.push(await this.#listenUdp(address.address, listener.port));
        this.#listeners.push(listener);
        return;
      } catch (error) {
        await listener.close();
        if (address.port !== 0 || attempt >= 10) throw error;
      }
    }
  }

  #listenTcp({ address, port }: ListenAddress): Promise<Listener> {
    return listen({
      name: 'domain',
      address,
      port,
      tls: { mode: 'none' },
      maxConnections: this.#options.maxConnections ?? 150,
      maxPerIp: this.#options.maxPerIp ?? 20,
      onConnection: (socket) => {
        this.#streams.add(socket);
        socket.once('close', () => this.#streams.delete(socket));
        void serveStream(socket, {
          idleTimeout: IDLE_TIMEOUT,
          queryTimeout: QUERY_TIMEOUT,
          respond: (octets, ip) => this.#respond(octets, ip, 'tcp'),
          onTransfer: ({ served }, ip, octets) =>
            this.#log.info(
              { zone: served.options.name, ip, octets },
              `client ${ip}: transfer of '${withoutFinalDot(served.options.name)}/IN': AXFR ended`,
            ),
          onFault: (error) => this.#log.error({ error: stackOf(error) }, 'TCP: error while answering a query'),
          clock: this.#options.clock,
        });
      },
      onRefused: ({ ip, reason }) => this.#log.warn({ ip }, `client ${ip}: TCP connection refused: ${reason}`),
    });
  }

  async #listenUdp(address: string, port: number): Promise<DatagramSocket> {
    const socket: DatagramSocket = await openDatagram({
      name: 'domain',
      address,
      port,
      onMessage: (data, from) => {
        const response = this.#respond(data, plainIp(from.address), 'udp');
        if (!(response instanceof Promise)) send(socket, response, from);
        else void response.then((given) => send(socket, given, from));
      },
      onError: (error) => this.#log.error({ address, port, error: error.stack }, `UDP: ${error.message}`),
    });
    return socket;
  }

  #respond(octets: Uint8Array, ip: string, transport: Transport): Response | Promise<Response> {
    const response = this.#responseTo(octets, ip, transport);
    if (response instanceof Promise) return response.then((given) => counted(given, transport));
    return counted(response, transport);
  }

  #responseTo(octets: Uint8Array, ip: string, transport: Transport): Response | Promise<Response> {
    return this.#options.hooks.has('dns_query')
      ? this.#ask(octets, ip, transport)
      : this.#responder.respond(octets, ip, transport);
  }

  /** Plugins are asked first. */
  async #ask(octets: Uint8Array, ip: string, transport: Transport): Promise<Response> {
    const read = readQuery(octets);
    if (read.kind !== 'query') return this.#responder.respond(octets, ip, transport);
    if (this.#waiting >= MAX_WAITING) return { kind: 'none' };
    this.#waiting += 1;
    try {
      const question = questionOf(read.query);
      const answer = { records: [], rcode: 'NOERROR' as const };
      const { code } = await this.#options.hooks.run('dns_query', {
        question,
        type: typeName(question.type),
        remoteIp: ip,
        zone: this.#table.placeOf(question),
        answer,
      });
      if (code === 'NEXT') return this.#responder.answer(read.query, ip, transport);
      if (code === 'OK') return given(read.query, answer, transport);
      if (code === 'DENY') return refusal(read.query, RCODE.REFUSED);
      return code === 'DENYSOFT' ? refusal(read.query, RCODE.SERVFAIL) : { kind: 'none' };
    } catch (error) {
      this.#log.error({ err: error }, `client ${ip}: error while asking plugins: ${messageOf(error)}`);
      return refusal(read.query, RCODE.SERVFAIL);
    } finally {
      this.#waiting -= 1;
    }
  }
}

/** The header's own four bits: BADVERS, whose other octet is in OPT, counts as NOERROR. */
const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

function counted(response: Response, transport: Transport): Response {
  if (response.kind === 'message') {
    const code = (response.octets[3] ?? 0) & 0x0f;
    counters.dnsResponses.count(transport, RCODE_NAMES.get(code) ?? String(code));
  } else counters.dnsResponses.count(transport, response.kind);
  return response;
}

function send(
  socket: DatagramSocket,
  response: Response,
  to: { readonly address: string; readonly port: number },
): void {
  if (response.kind === 'message') socket.send(response.octets, to);
}

/** Atomic: either the new copy is complete, or the previous one stays. */
async function saveWhole(file: string, text: Iterable<string>): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await writeFile(draft, text, { encoding: 'latin1', flush: true, mode: 0o644 });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
