/** The server's side: what a worker may ask, a row for each question. Whatever comes from there is checked where it is used. */

import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Clock } from '../../clock.ts';
import type { ParameterReader, UntypedReader } from '../../lookup/parameters.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { ownValue } from '../../own-value.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import { type Trace, traced } from '../../tracing.ts';
import type { Connection, HookArguments, MessageChange } from '../hook.ts';
import type { LentToAll } from '../lending.ts';
import type { PluginMetrics } from '../lent/metrics.ts';
import type { Question, Restriction } from '../restriction.ts';
import type { TableFacts } from './lent-in-worker.ts';
import { readOctets, type Streams } from './streams.ts';

/** A call of a handler, until it is answered. */
export interface Call {
  readonly argument: object;
  /** Who watches. */
  readonly trace: Trace | null;
  /** What the worker reads of the message, by number. */
  readonly streams: number[];
}

/** What a worker can reach. */
export interface House {
  readonly plugin: string;
  readonly lent: LentToAll;
  readonly states: PluginStates;
  readonly restrictions: Pick<ReadonlyMap<string, Restriction>, 'get'>;
  readonly clock: Clock;
  readonly streams: Streams;
  readonly readers: Numbered<ParameterReader>;
  readonly tables: Numbered<LookupTable>;
  readonly metrics: Numbered<MetricUse>;
  readonly sockets: Map<number, HeldSocket>;
  /** By the number of the worker's stream: the body that it replaces. */
  readonly bodies: Map<number, number>;
  /** Asks the worker. */
  readonly request: (op: string, ...args: readonly unknown[]) => Promise<unknown>;
  /** What is new in the transaction of a call. */
  readonly repack: (call: Call) => unknown;
  readonly onUncloneable: (key: string) => void;
}

/** A metric of the plugin, as it is counted. */
interface MetricUse {
  readonly use: (value: number, ...values: never) => void;
}

/** A connection of the worker, until the worker closes it. */
export interface HeldSocket {
  readonly socket: Duplex;
  /** Rejects with the error that ended it. */
  readonly ended: Promise<void>;
}

/** Objects that the other process names by a number. */
export class Numbered<T extends object> {
  readonly #values: T[] = [];
  readonly #numbers = new WeakMap<T, number>();

  numberOf(value: T): number {
    const found = this.#numbers.get(value);
    if (found !== undefined) return found;
    const number = this.#values.push(value) - 1;
    this.#numbers.set(value, number);
    return number;
  }

  /** Throws for a number that was not given. */
  get(number: unknown): T {
    const found = this.#values[number as number];
    if (found === undefined) throw new Error('asks for something that is not there');
    return found;
  }
}

/** What the plugin gave; whoever uses it checks it, as in the server. */
type Given = readonly [never, never, never];
type Service = (house: House, given: Given, call: Call | null) => unknown;

/** Answered in the turn in which they come, while the worker waits. */
const AT_ONCE: Readonly<Record<string, Service>> = {
  clock: ({ clock }) => clock(),
  parameter: ({ readers }, [number, kind, name]) => readers.get(number).untyped[kind as keyof UntypedReader](name),
  resolvePath: ({ lent }, [path]) => lent.resolvePath(path),
  'table.open': ({ lent, tables }, [name]) => factsOf(lent.tables.open(name), tables),
  'table.entries': ({ tables }, [number]) => [...(tables.get(number).entries?.() ?? [])],
  'table.where': ({ tables }, [number, key]) => tables.get(number).where?.(key) ?? null,
  'restriction.facts': ({ restrictions }, [word]) => restrictionFacts(restrictions.get(word)),
  'metric.make': ({ lent, metrics }, [kind, ...given]) => metrics.numberOf(madeMetric(lent.metrics, kind, given)),
  change: ({ repack }, [operation, ...args], call) => {
    const result = changeOf(call)[checkedChange(operation)](...(args as readonly [never, never]));
    return [result, call === null ? null : repack(call)];
  },
  changed: (_house, _given, call) => changeOf(call).changed,
};

/** Answered when they can be. */
const LATER: Readonly<Record<string, Service>> = {
  log: ({ lent }, [level, fields, message]) => lent.log[level === 'warn' ? 'warn' : 'info'](fields, message),
  trace: (_house, [text], call) => call?.trace?.add({ kind: 'log', text: String(text) }),
  uncloneable: ({ onUncloneable }, [key]) => onUncloneable(String(key)),
  verify: ({ lent }, [address, patience]) => lent.verifications.verify(address, patience),
  send: ({ lent }, [mail]) => lent.send(mail),
  resolve: ({ lent: { resolver } }, [kind, name]) => resolver[kind as keyof typeof resolver](name),
  'http.fetch': async ({ lent }, [url, options]) => {
    const { status, headers, body } = await lent.http.fetch(url, options);
    return { status, headers, body };
  },
  'metric.use': ({ metrics }, [number, ...given]) => (metrics.get(number).use as (...all: unknown[]) => void)(...given),
  'directory.find': ({ lent }, [address]) => lent.directory.find(address),
  'directory.aliases': ({ lent }) => lent.directory.aliases(),
  'directory.domains': ({ lent }) => lent.directory.domains(),
  'domains.resolve': ({ lent }, [address]) => lent.domains.resolve(address),
  'domains.classify': ({ lent }, [domain]) => lent.domains.classify(domain),
  'domains.recipientExists': ({ lent, readers }, [address, reader]) =>
    lent.domains.recipientExists(address, readerOf(readers, reader)),
  'domains.undeliverable': ({ lent, readers }, [address, reader]) =>
    lent.domains.undeliverable(address, readerOf(readers, reader)),
  'state.get': ({ plugin, states, clock }, [key]) => states.get({ plugin, key }, clock()),
  'state.put': ({ plugin, states, clock }, [key, change]) => states.put({ plugin, key }, change, clock()),
  'state.keys': ({ plugin, states, clock }, [prefix, limit]) => states.keys({ plugin, prefix }, limit, clock()),
  'table.get': ({ tables }, [number, key]) => tables.get(number).get(key),
  'restriction.check': ({ restrictions }, [word, question], call) => {
    const { connection } = (call?.argument ?? {}) as { readonly connection?: Connection };
    if (connection === undefined) throw new Error('a restriction can be asked only while a connection is judged');
    return restrictions.get(word)?.check({ ...(question as Omit<Question, 'connection'>), connection });
  },
  'message.open': ({ lent, streams }, [place]) => streams.open(lent.messages.read(place)),
  'content.open': ({ streams }, _given, call) => opened(call, streams.open(contentOf(call))),
  'stream.next': ({ streams }, [number]) => streams.next(number),
  'stream.stop': ({ streams }, [number]) => streams.stop(number),
  'body.replace': replaceBody,
  'body.source': ({ bodies }, [number]) => bodies.get(number),
  'socket.open': openSocket,
  'socket.write': (house, [number, chunk]) => written(heldBy(house, number).socket, chunk),
  'socket.end': (house, [number]) => void heldBy(house, number).socket.end(),
  'socket.ended': (house, [number]) => heldBy(house, number).ended,
  'socket.close': ({ sockets }, [number]) => {
    sockets.get(number)?.socket.destroy();
    sockets.delete(number);
  },
};

/** Throws for what is not there, and whatever the service throws. */
export function serveAtOnce(house: House, op: string, given: readonly unknown[], call: Call | null): unknown {
  const result = serveFrom(AT_ONCE, house, { op, given, call });
  if (result instanceof Promise) throw new Error(`${op} cannot be answered at once`);
  return result;
}

export const serveLater = (house: House, op: string, given: readonly unknown[], call: Call | null): unknown =>
  serveFrom(LATER, house, { op, given, call });

interface Asked {
  readonly op: string;
  readonly given: readonly unknown[];
  readonly call: Call | null;
}

/** Whoever watches the call hears of what it asks. */
function serveFrom(table: Readonly<Record<string, Service>>, house: House, { op, given, call }: Asked): unknown {
  const service = ownValue(table, op);
  if (service === undefined) throw new Error(`there is no service ${op.slice(0, 60)}`);
  const run = (): unknown => service(house, given as unknown as Given, call);
  return call === null || call.trace === null ? run() : traced(call.trace, run);
}

/** Throws what is wrong with it. */
function madeMetric(metrics: PluginMetrics, kind: string, given: readonly unknown[]): MetricUse {
  const [name, help, labels, more] = given as readonly [never, never, never, never];
  if (kind === 'counter') return { use: metrics.counter(name, help, labels).add };
  if (kind === 'gauge') return { use: metrics.gauge(name, help, labels, more).set };
  if (kind === 'histogram') return { use: metrics.histogram(name, help, labels, more).observe };
  throw new Error('there is no such metric');
}

const readerOf = (readers: Numbered<ParameterReader>, number: unknown): ParameterReader | undefined =>
  number === undefined ? undefined : readers.get(number);

function factsOf(table: LookupTable, tables: Numbered<LookupTable>): TableFacts {
  return {
    number: tables.numberOf(table),
    name: table.name,
    wholeKeyOnly: table.wholeKeyOnly,
    fixed: table.fixed === true,
    hasEntries: table.entries !== undefined,
    hasPlaces: table.where !== undefined,
  };
}

const restrictionFacts = (restriction: Restriction | undefined): object | null =>
  restriction === undefined
    ? null
    : { takesArgument: restriction.takesArgument === true, stateful: restriction.stateful === true };

type OfMessage = Partial<Pick<HookArguments['data_post'], 'content' | 'change'>>;
const messageOf = (call: Call | null): OfMessage => (call?.argument ?? {}) as OfMessage;

function contentOf(call: Call | null): AsyncIterable<Buffer> {
  const { content } = messageOf(call);
  if (content === undefined) throw new Error('the message can be read only until the handler of its hook has answered');
  return content;
}

function changeOf(call: Call | null): MessageChange {
  const { change } = messageOf(call);
  if (change === undefined)
    throw new Error('the message can be changed only until the handler of data_post has answered');
  return change;
}

const CHANGES = ['addHeader', 'replaceHeader', 'removeHeader', 'renameHeader'] as const;

function checkedChange(operation: unknown): (typeof CHANGES)[number] {
  const found = CHANGES.find((known) => known === operation);
  if (found === undefined) throw new Error('there is no such change');
  return found;
}

/** It ends with the call. */
function opened(call: Call | null, number: number): number {
  call?.streams.push(number);
  return number;
}

function replaceBody({ streams, bodies, request }: House, [number]: Given, call: Call | null): Promise<void> {
  return changeOf(call)
    .replaceBody((body) => {
      const source = opened(call, streams.open(body));
      bodies.set(number, source);
      return readOctets(
        () => request('stream.next', number),
        () => request('stream.stop', number),
      );
    })
    .finally(() => bodies.delete(number));
}

/** Connections of one worker at a time. */
const MOST_SOCKETS = 100;

/** The number is that of its stream as well. */
function openSocket({ lent, sockets, streams }: House, [path]: Given): number {
  if (sockets.size >= MOST_SOCKETS) throw new Error(`more than ${MOST_SOCKETS} connections are open`);
  const socket = lent.connectLocal(path);
  const ended = finished(socket);
  // Whoever reads, writes or asks hears of its errors.
  ended.catch(() => {});
  const number = streams.openLive(socket);
  sockets.set(number, { socket, ended });
  return number;
}

function heldBy({ sockets }: House, number: never): HeldSocket {
  const held = sockets.get(number);
  if (held === undefined) throw new Error('the connection is closed');
  return held;
}

const written = (socket: Duplex, chunk: never): Promise<void> =>
  new Promise((resolve, reject) => socket.write(chunk, (error) => (error ? reject(error) : resolve())));
