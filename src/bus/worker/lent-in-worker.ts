/** Worker: the services of the server (`Lent`), each asked of the server. */
import { Duplex } from 'node:stream';
import { isSendable } from '../../child/frames.ts';
import type { Domains } from '../../lookup/domains.ts';
import type { ParameterReader, UntypedReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import type { Resolver } from '../../protocol/dns/resolver.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import type { Lent } from '../lending.ts';
import type { HttpAnswer, HttpClient } from '../lent/http.ts';
import { checkedAmount, checkedValues, type PluginMetrics } from '../lent/metrics.ts';
import type { MessagePlace } from '../messages.ts';
import { pluginState } from '../plugin-state.ts';
import { readOctets } from './streams.ts';
import type { Uplink } from './uplink.ts';

/** Lines of the log between two questions whether the server has written them: a loop that logs must wait. */
const LINES_AT_ONCE = 200;

export interface WorkerLent {
  readonly lent: Lent;
  /** main.cf as a service sees it, by the number that the server gave it. */
  readonly reader: (number: number) => ParameterReader;
}

export interface LentOptions {
  readonly uplink: Uplink;
  readonly plugin: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The server's clock is the machine's. */
  readonly isRealClock: boolean;
}

export function lentInWorker({ uplink, plugin, config, isRealClock }: LentOptions): WorkerLent {
  const readers = new Readers(uplink);
  const ask =
    <T>(op: string) =>
    (...args: readonly unknown[]): Promise<T> =>
      uplink.request(op, ...args) as Promise<T>;
  const clock = isRealClock ? Date.now : () => uplink.now('clock') as number;
  return {
    reader: (number) => readers.get(number),
    lent: {
      config,
      inWorker: true,
      clock,
      log: logOver(uplink),
      parameters: readers.get(0),
      tables: tablesOver(uplink),
      domains: domainsOver(uplink, readers),
      resolver: resolverOver(uplink),
      verifications: { verify: ask('verify') },
      directory: {
        find: ask('directory.find'),
        aliases: ask('directory.aliases'),
        domains: ask('directory.domains'),
      },
      messages: { read: (place) => readMessage(uplink, place) },
      send: ask('send'),
      http: httpOver(uplink),
      metrics: metricsOver(uplink),
      state: pluginState(plugin, statesOver(uplink), clock),
      resolvePath: (path) => uplink.now('resolvePath', path) as string,
      connectLocal: (path) => new RemoteSocket(uplink, path),
    },
  };
}

async function* readMessage(uplink: Uplink, place: MessagePlace): AsyncGenerator<Buffer, void> {
  const number = await uplink.request('message.open', place);
  yield* readOctets(
    () => uplink.request('stream.next', number),
    () => uplink.request('stream.stop', number),
  );
}

/** A value is asked for once: it changes with the configuration, and then there is another worker. */
class Readers {
  readonly #uplink: Uplink;
  readonly #readers = new Map<number, ParameterReader>();
  readonly #numbers = new WeakMap<object, number>();

  constructor(uplink: Uplink) {
    this.#uplink = uplink;
  }

  get(number: number): ParameterReader {
    const found = this.#readers.get(number) ?? this.#make(number);
    this.#readers.set(number, found);
    return found;
  }

  /** Undefined for undefined. Throws for a reader that is not ours. */
  numberOf(reader: ParameterReader | undefined): number | undefined {
    if (reader === undefined) return undefined;
    const number = this.#numbers.get(reader);
    if (number === undefined) throw new TypeError('expected connection.parameters or server.parameters');
    return number;
  }

  #make(number: number): ParameterReader {
    const values = new Map<string, unknown>();
    const read = (kind: keyof UntypedReader) => (name: string) => {
      const key = `${kind} ${name}`;
      if (!values.has(key)) values.set(key, this.#uplink.now('parameter', number, kind, name));
      return values.get(key);
    };
    const untyped = {
      string: read('string'),
      boolean: read('boolean'),
      number: read('number'),
      time: read('time'),
      list: read('list'),
    } as UntypedReader;
    const reader: ParameterReader = { ...untyped, untyped };
    this.#numbers.set(reader, number);
    return reader;
  }
}

function logOver(uplink: Uplink): Lent['log'] {
  let lines = 0;
  const write = (level: 'info' | 'warn') => (fields: unknown, message: unknown) => {
    uplink.tell('log', level, cloneable(fields), cloneable(message));
    lines += 1;
    if (lines % LINES_AT_ONCE === 0) uplink.now('clock');
  };
  return { info: write('info'), warn: write('warn') };
}

/** Fields that cannot cross are named instead. */
function cloneable(value: unknown): unknown {
  if (isSendable(value)) return value;
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  return Object.fromEntries(
    Object.keys(value).map((key) => {
      const field = (value as Readonly<Record<string, unknown>>)[key];
      return [key, isSendable(field) ? field : `a ${typeof field} that cannot leave its worker`];
    }),
  );
}

function tablesOver(uplink: Uplink): Tables {
  const opened = new Map<string, LookupTable>();
  return {
    open(name) {
      const found = opened.get(name) ?? tableOver(uplink, uplink.now('table.open', name) as TableFacts);
      opened.set(name, found);
      return found;
    },
  };
}

/** What is known of a table once it is open. */
export interface TableFacts {
  readonly number: number;
  readonly name: string;
  readonly wholeKeyOnly: boolean;
  readonly fixed: boolean;
  readonly hasEntries: boolean;
  readonly hasPlaces: boolean;
}

function tableOver(
  uplink: Uplink,
  { number, name, wholeKeyOnly, fixed, hasEntries, hasPlaces }: TableFacts,
): LookupTable {
  return {
    name,
    wholeKeyOnly,
    fixed,
    get: (key) => uplink.request('table.get', number, key) as Promise<string | undefined>,
    ...(hasEntries ? { entries: () => uplink.now('table.entries', number) as [string, string][] } : {}),
    ...(hasPlaces
      ? {
          where: (key: string) =>
            uplink.now('table.where', number, key) as ReturnType<NonNullable<LookupTable['where']>>,
        }
      : {}),
  };
}

function domainsOver(uplink: Uplink, readers: Readers): Domains {
  return {
    resolve: (address) => uplink.request('domains.resolve', address) as Promise<string>,
    classify: (domain) => uplink.request('domains.classify', domain) as ReturnType<Domains['classify']>,
    recipientExists: async (address, service) =>
      (await uplink.request('domains.recipientExists', address, readers.numberOf(service))) as boolean,
    undeliverable: async (address, service) =>
      (await uplink.request('domains.undeliverable', address, readers.numberOf(service))) as Awaited<
        ReturnType<Domains['undeliverable']>
      >,
  };
}

function resolverOver(uplink: Uplink): Resolver {
  const ask =
    <K extends keyof Resolver>(kind: K) =>
    (name: string): ReturnType<Resolver[K]> =>
      uplink.request('resolve', kind, name) as ReturnType<Resolver[K]>;
  return {
    mx: ask('mx'),
    a: ask('a'),
    aaaa: ask('aaaa'),
    ptr: ask('ptr'),
    txt: ask('txt'),
    ns: ask('ns'),
    cname: ask('cname'),
  };
}

const httpOver = (uplink: Uplink): HttpClient => ({
  async fetch(url, options) {
    const answer = await uplink.request('http.fetch', String(url), options);
    const { body: octets, ...rest } = answer as Pick<HttpAnswer, 'status' | 'headers'> & { readonly body: Uint8Array };
    const body = Buffer.from(octets);
    const text = (): string => body.toString('utf8');
    return { ...rest, body, text, json: () => JSON.parse(text()) as unknown };
  },
});

/** Made and counted in the server, where a reload finds them again. */
function metricsOver(uplink: Uplink): PluginMetrics {
  const make = (kind: keyof PluginMetrics, name: string, labels: readonly string[], ...more: readonly unknown[]) => {
    const number = uplink.now('metric.make', kind, name, ...more);
    return (value: number, ...values: readonly string[]): void =>
      uplink.tell('metric.use', number, checkedAmount(kind, name, value), ...checkedValues(name, labels, values));
  };
  return {
    counter(name, help, labels) {
      const own = labels ?? [];
      const add = make('counter', name, own, help, own);
      return { add, count: (...values: readonly string[]) => add(1, ...values) };
    },
    gauge(name, help, labels, across) {
      const own = labels ?? [];
      return { set: make('gauge', name, own, help, own, across) };
    },
    histogram: (name, help, labels, bounds) => ({ observe: make('histogram', name, labels, help, labels, bounds) }),
  };
}

/** The server fills in whose room it is. */
const statesOver = (uplink: Uplink): Pick<PluginStates, 'get' | 'put' | 'keys'> => ({
  get: ({ key }) => uplink.request('state.get', key) as Promise<string | null>,
  put: ({ key }, change) => uplink.request('state.put', key, change) as Promise<boolean>,
  keys: ({ prefix }, limit) => uplink.request('state.keys', prefix, limit) as Promise<readonly string[]>,
});

/** A connection that the server holds. */
class RemoteSocket extends Duplex {
  readonly #uplink: Uplink;
  readonly #number: Promise<unknown>;

  constructor(uplink: Uplink, path: string) {
    super({ decodeStrings: true });
    this.#uplink = uplink;
    this.#number = uplink.request('socket.open', path);
    // An error is heard of although nobody reads; the end comes with what is read.
    this.#ask('socket.ended').catch((error: unknown) => this.destroy(error as Error));
  }

  override _read(): void {
    this.#ask('stream.next').then(
      (piece) => this.push(piece === null ? null : Buffer.from(piece as Uint8Array)),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#ask('socket.write', chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ask('socket.end').then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#ask('socket.close').then(
      () => done(error),
      () => done(error),
    );
  }

  async #ask(op: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#uplink.request(op, await this.#number, ...args);
  }
}
