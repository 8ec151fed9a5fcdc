/**
 * The server's end of Haraka's thread. A call is answered once, or rejected: when the thread dies, or is ended because
 * a plugin never returned. It is then started anew.
 */
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../src/errors.ts';
import { MARK_OCTETS, RunningMark } from './engine/running-mark.ts';
import type { Answer, Call, ClientFacts, EngineSettings, FromEngine, Request, RouteAnswer } from './messages.ts';

/** How often the thread is asked whether it lives, and how long it may take to answer, ms. */
const BEAT_MS = 1_000;
const PATIENCE_MS = 10_000;
/** Before a thread that died is started again, ms: at first, and at most. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** How long plugins may take to end, ms. */
const LEAVE_MS = 5_000;

export interface LinkOptions {
  readonly settings: Omit<EngineSettings, 'running'>;
  /** MiB. */
  readonly memory: number;
  readonly log: (isGrave: boolean, text: string) => void;
  readonly send: (mail: Extract<FromEngine, { kind: 'send' }>) => Promise<unknown>;
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** What the plugins registered. */
export interface Loaded {
  readonly plugins: readonly string[];
  readonly hooks: readonly string[];
  readonly checksPasswords: boolean;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #running = new RunningMark(new SharedArrayBuffer(MARK_OCTETS));
  #lastId = 0;
  #answeredAt = 0;
  #beat: NodeJS.Timeout | undefined;
  #pause = FIRST_PAUSE_MS;
  #starting: NodeJS.Timeout | undefined;
  #isClosed = false;
  #onClosed: () => void = () => {};

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Rejects with why the plugins cannot be loaded. */
  async start(): Promise<Loaded> {
    const shared = new SharedArrayBuffer(MARK_OCTETS);
    this.#running = new RunningMark(shared);
    const worker = new Worker(new URL(`./engine/worker${extname(import.meta.url)}`, import.meta.url), {
      workerData: { ...this.#options.settings, running: shared },
      env: { ...process.env },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: this.#options.memory },
      // What plugins print is not part of the server's own output.
      stdout: true,
      stderr: true,
    });
    for (const printed of [worker.stdout, worker.stderr])
      createInterface({ input: printed }).on('line', (line) => this.#options.log(false, line));
    worker.unref();
    const loaded = await new Promise<Loaded>((resolve, reject) => {
      worker.on('message', (message: FromEngine) => {
        if (message.kind === 'ready') resolve(message);
        else if (message.kind === 'failed' && message.id === 0) {
          reject(new Error(message.message));
          void worker.terminate();
        } else this.#receive(message);
      });
      worker.once('error', (error) => reject(error instanceof Error ? error : new Error(messageOf(error))));
      worker.once('exit', () => reject(new Error('the thread ended while the plugins were loaded')));
    });
    worker.on('error', (error) => this.#died(worker, messageOf(error)));
    worker.on('exit', (code) => this.#died(worker, `it ended with code ${code}`));
    this.#worker = worker;
    this.#answeredAt = performance.now();
    this.#beat = setInterval(() => this.#listen(worker), BEAT_MS).unref();
    return loaded;
  }

  /** Rejects if the thread is not there, or dies before it answers. */
  ask(client: ClientFacts, call: Call): Promise<Answer> {
    return this.#request((id) => ({ id, client, call }));
  }

  hostsFor(domain: string): Promise<RouteAnswer> {
    return this.#request((id) => ({ id, route: { kind: 'get_mx', domain } }));
  }

  #request<T>(request: (id: number) => Request): Promise<T> {
    const worker = this.#worker;
    if (worker === null) return Promise.reject(new Error('the thread of the plugins is being started again'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post(worker, request(id));
    });
  }

  /** The client of a session speaks before it was greeted. */
  tellEarly(session: string): void {
    if (this.#worker !== null) this.#post(this.#worker, { early: session });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#starting);
    const worker = this.#worker;
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LEAVE_MS);
      this.#onClosed = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#post(worker, { order: 'close' });
    });
    await worker.terminate();
  }

  #post(worker: Worker, request: Request): void {
    worker.postMessage(request);
  }

  #receive(message: FromEngine): void {
    this.#answeredAt = performance.now();
    switch (message.kind) {
      case 'answer':
        this.#take(message.id)?.resolve(message.answer as never);
        break;
      case 'route':
        this.#take(message.id)?.resolve(message.answer as never);
        break;
      case 'failed':
        this.#take(message.id)?.reject(new Error(message.message));
        break;
      case 'log':
        this.#options.log(message.isGrave, message.text);
        break;
      case 'send':
        void this.#send(message);
        break;
      case 'closed':
        this.#onClosed();
        break;
      default:
        this.#pause = FIRST_PAUSE_MS;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  async #send(mail: Extract<FromEngine, { kind: 'send' }>): Promise<void> {
    const failure = await this.#options.send(mail).then(() => null, messageOf);
    if (this.#worker !== null) this.#post(this.#worker, { sent: mail.id, failure });
  }

  /** Ends the thread if a plugin keeps it from answering. */
  #listen(worker: Worker): void {
    const silent = performance.now() - this.#answeredAt;
    if (silent > PATIENCE_MS) {
      const who = this.#running.text;
      this.#died(worker, `${who === '' ? 'a plugin' : who} has not returned for ${Math.round(silent / 1000)} s`);
      void worker.terminate();
    } else this.#post(worker, { order: 'ping' });
  }

  #died(worker: Worker, why: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    clearInterval(this.#beat);
    const error = new Error(`the thread of Haraka's plugins ended: ${why}`);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    if (this.#isClosed) return;
    this.#options.log(true, `${error.message}; it is started again. Sessions keep no results or notes of before.`);
    this.#startLater();
  }

  #startLater(): void {
    this.#starting = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#options.log(true, `Haraka's plugins cannot be loaded: ${messageOf(error)}`);
        if (!this.#isClosed) this.#startLater();
      });
    }, this.#pause).unref();
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
  }
}
