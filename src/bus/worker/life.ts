/**
 * The server's side: one life of a plugin's worker, a process, from its start to its end. It ends when it is told to,
 * when it falls, when it needs too much memory, and when it has not come back from a handler at the deadline.
 */
import { extname } from 'node:path';
import { Child } from '../../child/child.ts';
import { few } from '../../few.ts';
import { trace } from '../../tracing.ts';
import type { About } from '../candidate.ts';
import { FaultyConfiguration } from '../configuration/configuration.ts';
import { REGISTER_WITHIN } from '../import-plugin.ts';
import { queueIdOf } from '../queue-id.ts';
import { LATE, within } from '../settle.ts';
import { type Fields, TRANSACTION } from './crossing.ts';
import type { Kind } from './handlers.ts';
import { packError, unpackError } from './packed-error.ts';
import { Packer } from './packer.ts';
import { Peer } from './peer.ts';
import type { CallResult, Opened, Registered, WorkerData } from './registered.ts';
import { type Call, type House, Numbered, serveAtOnce, serveLater } from './services.ts';
import { Streams } from './streams.ts';
import type { NowAnswer } from './uplink.ts';

/** How often overdue calls are looked at, ms. */
const LOOK_MS = 1_000;
/** A worker that runs nothing answers a question within this, ms. */
const PATIENCE_MS = 1_000;

/** Why a life ended, to follow `its worker`. */
export type End =
  | { readonly kind: 'closed' }
  | { readonly kind: 'memory' | 'loop' | 'exit' | 'error'; readonly words: string };

interface OpenCall extends Call {
  /** A hook's name, or that of a restriction. */
  readonly hook: string;
  readonly queueId: string | null;
  /** Monotonic, ms. */
  readonly began: number;
  /** When the bus gives it up; a job has a deadline of its own. */
  readonly until: number;
}

/** What the plugin can reach. */
export type Reachable = Pick<House, 'plugin' | 'lent' | 'states' | 'restrictions' | 'clock'>;

export interface LifeOptions {
  readonly begin: WorkerData;
  readonly memoryMb: number;
  readonly onUncloneable: (key: string) => void;
  readonly onRubbish: () => void;
  readonly onPrinted: (line: string) => void;
}

/** What is called. */
export interface Asked {
  readonly kind: Kind;
  /** Its place in what was registered. */
  readonly at: number;
  readonly name: string;
  readonly shape: Fields;
  readonly argument: object;
}

export class Life {
  readonly #options: LifeOptions;
  readonly #child: Child;
  readonly #peer: Peer;
  readonly #packer: Packer;
  readonly #calls = new Map<number, OpenCall>();
  readonly #streams = new Streams();
  readonly #readers = new Numbered<House['lent']['parameters']>();
  readonly #sockets: House['sockets'] = new Map();
  readonly #timer: NodeJS.Timeout;
  #house: House | null = null;
  #deadline = Number.POSITIVE_INFINITY;
  #lastCall = 0;
  #forgotten: number[] = [];
  /** When a question was sent that shows whether the worker still runs; null: none is open. */
  #pinged: number | null = null;
  #end: End | null = null;
  /** What was going on at the end. */
  #running = '';
  #died: (end: End) => void = () => {};
  /** Resolves when it has ended. */
  readonly died: Promise<End>;

  constructor(options: LifeOptions) {
    this.#options = options;
    this.died = new Promise((resolve) => {
      this.#died = resolve;
    });
    this.#child = new Child({
      entry: new URL(`./process${extname(import.meta.url)}`, import.meta.url),
      data: options.begin,
      memoryMb: options.memoryMb,
      onMessage: (message) => this.#peer.receive(message),
      onQuestion: (question, answer) => this.#answer(question, answer),
      onPrinted: options.onPrinted,
    });
    this.#peer = new Peer({
      post: (message) => this.#child.post(message),
      serve: (op, args, call) => serveLater(this.#reach(), op, args, this.#callOf(call)),
      whenFull: 'reject',
      onRubbish: options.onRubbish,
    });
    this.#packer = new Packer({
      readerNumber: (reader) => this.#readers.numberOf(reader as House['lent']['parameters']),
      forget: (number) => void this.#forgotten.push(number),
      onUncloneable: options.onUncloneable,
    });
    void this.#child.ended.then((end) => this.#fall(end));
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Rejects with an Error that says why the plugin cannot be used, or with FaultyConfiguration; the life is over then. */
  async open(): Promise<About> {
    const opened = (await this.#soon('import')) as Opened;
    if ('about' in opened) return opened.about;
    this.end({ kind: 'closed' });
    throw new FaultyConfiguration(opened.faults);
  }

  /** `deadline`: of a call, ms. Rejects with what register() throws; the life is over then. */
  register(house: Reachable, deadline: number): Promise<Registered> {
    this.#deadline = deadline;
    this.#house = this.#furnish(house);
    return this.#soon('register') as Promise<Registered>;
  }

  /** Rejects with what the handler throws, or because the worker ended. What it changed is applied. */
  async ask({ kind, at, name, shape, argument }: Asked): Promise<unknown> {
    const watcher = trace();
    this.#lastCall += 1;
    const number = this.#lastCall;
    const began = performance.now();
    const call: OpenCall = {
      hook: name,
      queueId: queueIdOf(argument),
      argument,
      trace: watcher,
      streams: [],
      began,
      until: kind === 'job' ? Number.POSITIVE_INFINITY : began + this.#deadline,
    };
    this.#calls.set(number, call);
    try {
      const watched = watcher === null ? 0 : watcher.hypothetical ? 2 : 1;
      const packed = this.#packer.pack(shape, argument);
      if (this.#forgotten.length > 0) this.#peer.tell('forget', this.#forgotten.splice(0));
      const result = await this.#peer.request('call', [kind, at, packed, watched], number);
      const [verdict, error, changes] = result as CallResult;
      if (this.#callOf(number) === null) throw new Error('answered too late');
      if (changes !== null) this.#packer.apply(shape, argument, changes);
      if (error !== null) throw unpackError(error);
      return verdict;
    } finally {
      this.#calls.delete(number);
      for (const stream of call.streams) this.#streams.stop(stream).catch(() => {});
    }
  }

  /** Aborts the signal of a job. */
  abortJob(at: number): void {
    this.#peer.tell('job.abort', [at]);
  }

  /** What was going on when it ended: `in rcpt of 4TjQ2m5bHYz9sWx`; '' for nothing. */
  get running(): string {
    return this.#running;
  }

  /** Has the plugin close what it opened, and ends. Rejects with what it throws. */
  async close(): Promise<void> {
    try {
      await within(this.#peer.request('close', []), this.#deadline);
    } finally {
      this.end({ kind: 'closed' });
    }
  }

  end(end: End): void {
    this.#fall(end);
    this.#child.kill();
  }

  /** Null once the bus has given it up: then nothing can be changed by it any more. */
  #callOf(number: number): OpenCall | null {
    const call = this.#calls.get(number);
    return call === undefined || performance.now() >= call.until ? null : call;
  }

  /** A question at the start: the worker may fall, or never answer. */
  async #soon(op: string): Promise<unknown> {
    try {
      const answer = await within(this.#peer.request(op, []), REGISTER_WITHIN);
      if (answer === LATE) throw new Error(`its ${op} did not end within ${REGISTER_WITHIN / 1000} s`);
      return answer;
    } catch (error) {
      this.end({ kind: 'closed' });
      throw error;
    }
  }

  #reach(): House {
    if (this.#house === null) throw new Error('the plugin has not been imported');
    return this.#house;
  }

  #furnish(house: Reachable): House {
    // The number of main.cf.
    this.#readers.numberOf(house.lent.parameters);
    return {
      ...house,
      streams: this.#streams,
      readers: this.#readers,
      tables: new Numbered(),
      metrics: new Numbered(),
      sockets: this.#sockets,
      bodies: new Map(),
      request: (op, ...args) => this.#peer.request(op, args),
      repack: ({ argument }) =>
        this.#packer.pack(TRANSACTION, (argument as { readonly transaction: object }).transaction),
      onUncloneable: this.#options.onUncloneable,
    };
  }

  #answer(question: unknown, answer: (value: NowAnswer) => void): void {
    const [op, args, call]: readonly unknown[] = Array.isArray(question) ? question : [];
    try {
      if (typeof op !== 'string' || !Array.isArray(args) || typeof call !== 'number') throw new Error('no question');
      answer([true, serveAtOnce(this.#reach(), op, args, this.#callOf(call))]);
    } catch (error) {
      answer([false, packError(error)]);
    }
  }

  #look(): void {
    const now = performance.now();
    if (this.#pinged !== null) {
      if (now - this.#pinged < PATIENCE_MS) return;
      const words = `did not come back within ${this.#deadline / 1000} s`;
      this.end({ kind: 'loop', words });
      return;
    }
    const limit = now - this.#deadline;
    const late = [...this.#calls].filter(([, { began }]) => began <= limit);
    if (late.length === 0) return;
    this.#pinged = now;
    this.#peer.request('ping', []).then(
      () => {
        // It runs, but these promises are never kept: the bus has given them up.
        this.#pinged = null;
        for (const [number, { until }] of late) if (until <= now) this.#calls.delete(number);
      },
      () => {},
    );
  }

  /** Once. */
  #fall(end: End): void {
    if (this.#end !== null) return;
    this.#end = end;
    clearInterval(this.#timer);
    this.#running = this.#describe();
    const words = end.kind === 'closed' ? 'was closed' : end.words;
    this.#peer.end(new Error(`its worker ${words}`));
    for (const { socket } of this.#sockets.values()) socket.destroy();
    this.#died(end);
  }

  /** Behind an await it is not known which of the calls it was: the oldest ones first. */
  #describe(): string {
    const running = this.#calls.get(Number(this.#child.mark));
    const open = [...this.#calls.values()];
    if (open.length === 0) return '';
    return running === undefined ? `while it was asked ${few(open.map(callWords), 3)}` : `in ${callWords(running)}`;
  }
}

const callWords = ({ hook, queueId }: OpenCall): string => (queueId === null ? hook : `${hook} of ${queueId}`);
