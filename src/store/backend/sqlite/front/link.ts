/**
 * The main thread's end of a worker: calls become requests; the requests of one tick travel in one message, and so do
 * their answers.
 *
 * Guarantees: every call is answered once or rejected; when the worker dies, all pending calls are rejected and
 * `onDeath` is called; the number and octets of waiting calls are limited (StoreFullError above that), so a slow disk
 * cannot fill the memory.
 */
import { Worker } from 'node:worker_threads';
import type { Log } from '../../../../log.ts';
import { StoreFullError } from '../../../store.ts';
import { type Answer, bytesOf, type Calls, type PackedChange, type Request, type WorkerMessage } from '../calls.ts';
import { toError, toFailure } from '../failure.ts';

/** Limits: octets and calls that may wait, and octets that may be with the worker at one time. */
const MAX_WAITING_OCTETS = 256 * 1024 * 1024;
const MAX_WAITING_CALLS = 50_000;
const MAX_SENT_OCTETS = 32 * 1024 * 1024;
/** How long a worker may take to finish its work and close its files, ms; then it is terminated. */
const LEAVE_MS = 30_000;

/** The last request to a worker; the link waits for the worker's exit, not for an answer. */
const CLOSE: Request = { id: 0, name: 'close', args: null };

export interface LinkOptions {
  readonly log: Log;
  /**
   * A worker without other calls gets the next one at once, and works while this turn of the event loop goes on.
   * Otherwise it gets all calls of a turn together: the writer's are then durable with one commit.
   */
  readonly isEager?: boolean;
  readonly onChanges: (changes: readonly PackedChange[]) => void;
  /** The worker exited unexpectedly; the link answers no more calls. */
  readonly onDeath: (error: Error) => void;
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly octets: number;
}

interface WithBytes {
  readonly bytes?: Uint8Array;
}

export class Link<Table extends Calls<Table>> {
  readonly #worker: Worker;
  readonly #options: LinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #queue: { readonly request: Request; readonly octets: number }[] = [];
  #scheduled = false;
  #lastId = 0;
  #waitingOctets = 0;
  #sentOctets = 0;
  #ended: Error | null = null;
  #gone = false;
  #closing: Promise<void> | null = null;
  #drained: () => void = () => {};

  /** Resolves when the worker has opened its files; rejects with its message if it cannot. */
  static start<Table extends Calls<Table>>(entry: URL, data: unknown, options: LinkOptions): Promise<Link<Table>> {
    const worker = new Worker(entry, {
      workerData: data,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32 },
    });
    return new Promise((resolve, reject) => {
      let why = 'a worker of the store did not start';
      const ended = (): void => reject(new Error(why));
      worker.once('error', reject);
      worker.once('exit', ended);
      worker.once('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') {
          worker.off('error', reject).off('exit', ended);
          resolve(new Link(worker, options));
          return;
        }
        // It still holds locks and files: report the failure once they are released.
        if (message.kind === 'failed') why = message.message;
        leave(worker, LEAVE_MS);
      });
    });
  }

  private constructor(worker: Worker, options: LinkOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.on('message', (message: WorkerMessage) => this.#receive(message));
    worker.on('error', (error) => this.#die(error instanceof Error ? error : new Error(String(error))));
    worker.on('messageerror', (error) => this.#die(error));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#gone = true;
        this.#die(new Error(`the store's worker ended with code ${code}`));
        resolve();
      });
    });
  }

  call<Name extends keyof Table & string>(name: Name, args: Table[Name]['args']): Promise<Table[Name]['result']> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (this.#closing !== null) return Promise.reject(new Error('the store is closed'));
    const octets = octetsOf(args);
    if (
      this.#waiting.size >= MAX_WAITING_CALLS ||
      (this.#waitingOctets > 0 && this.#waitingOctets + octets > MAX_WAITING_OCTETS)
    ) {
      return Promise.reject(new StoreFullError('too many writes are waiting for the disk'));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waitingOctets += octets;
    this.#queue.push({ request: { id, name, args }, octets });
    const isFirst = this.#waiting.size === 0;
    const answered = new Promise<Table[Name]['result']>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, octets });
    });
    if (isFirst && this.#options.isEager === true) {
      this.#send();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#send());
    }
    return answered;
  }

  /**
   * Pending calls are answered, then the worker closes its files and exits. After `deadline` ms it is terminated and
   * pending calls are rejected.
   */
  close(deadline = LEAVE_MS): Promise<void> {
    this.#closing ??= this.#close(deadline);
    return this.#closing;
  }

  async #close(deadline: number): Promise<void> {
    const late = setTimeout(() => this.#end(new Error('the store is closed')), deadline);
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    clearTimeout(late);
    const inTime = this.#ended === null;
    this.#end(new Error('the store is closed'));
    if (!this.#gone) leave(this.#worker, inTime ? LEAVE_MS : 0);
    await this.#exited;
  }

  #send(): void {
    this.#scheduled = false;
    if (this.#ended !== null) return;
    const batch: Request[] = [];
    let octets = 0;
    let taken = 0;
    for (const entry of this.#queue) {
      if (this.#sentOctets + octets > MAX_SENT_OCTETS) break;
      batch.push(entry.request);
      octets += entry.octets;
      taken += 1;
    }
    if (taken === 0) return;
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    this.#sentOctets += octets;
    this.#post(batch);
  }

  #post(batch: readonly Request[]): void {
    const bytes = batch.reduce((sum, { args }) => sum + (bytesOf(args)?.length ?? 0), 0);
    const arena = Buffer.allocUnsafeSlow(bytes);
    try {
      this.#worker.postMessage(bytes === 0 ? batch : intoArena(batch, arena), [arena.buffer]);
    } catch (error) {
      // One request contains something that cannot be cloned: reject only that one, not the others of this tick.
      if (batch.length > 1) for (const request of batch) this.#post([request]);
      else for (const { id } of batch) this.#answer({ id, failure: toFailure(error) });
    }
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === 'log') this.#options.log[message.level](message.fields, message.message);
    if (message.kind !== 'answers') return;
    for (const answer of message.answers) this.#answer(answer);
    if (this.#waiting.size === 0) this.#drained();
    if (message.changes.length > 0) this.#options.onChanges(message.changes);
    if (this.#queue.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#send());
    }
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    this.#waitingOctets -= waiting.octets;
    this.#sentOctets -= waiting.octets;
    if ('failure' in answer) waiting.reject(toError(answer.failure));
    else waiting.resolve(answer.result as never);
  }

  #die(error: Error): void {
    if (this.#ended !== null) return;
    this.#end(new Error(`the store has stopped: ${error.message}`, { cause: error }));
    this.#options.onDeath(error);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#queue = [];
    for (const { reject } of waiting) reject(error);
    this.#drained();
  }
}

/**
 * Asks a worker to close its files and exit. It is terminated only if it does not: termination may strike in the
 * middle of SQLite's own code.
 */
function leave(worker: Worker, deadline: number): void {
  const late = setTimeout(() => void worker.terminate(), deadline);
  worker.once('exit', () => clearTimeout(late));
  worker.postMessage([CLOSE]);
}

/** The memory of a call, as far as senders control it: its bytes and its long strings. */
function octetsOf(args: unknown): number {
  if (typeof args !== 'object' || args === null) return 0;
  let octets = 0;
  for (const value of Object.values(args))
    if (typeof value === 'string' || value instanceof Uint8Array) octets += value.length;
  return 'index' in args ? octets + octetsOf(args.index) : octets;
}

/** Copies all bytes once into a buffer that can be transferred: the callers' buffers may be parts of shared pools. */
function intoArena(batch: readonly Request[], arena: Uint8Array): Request[] {
  let at = 0;
  return batch.map((request) => {
    const bytes = bytesOf(request.args);
    if (bytes === undefined) return request;
    arena.set(bytes, at);
    const view = arena.subarray(at, at + bytes.length);
    at += bytes.length;
    return {
      ...request,
      args: { ...(request.args as WithBytes), bytes: new Uint8Array(view.buffer, view.byteOffset, view.length) },
    };
  });
}
