/**
 * The server's end of Haraka's process. A call is answered once, or rejected: when the process dies, or is ended because
 * a plugin never returned. It is then started anew.
 */
import { extname } from 'node:path';
import { Child } from '../../src/child/child.ts';
import { messageOf } from '../../src/errors.ts';
import type { Answer, Call, ClientFacts, EngineSettings, FromEngine, Request, RouteAnswer } from './messages.ts';

/** How often the process is asked whether it lives, and how long it may take to answer, ms. */
const BEAT_MS = 1_000;
const PATIENCE_MS = 10_000;
/** Before a process that died is started again, ms: at first, and at most. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** How long plugins may take to end, ms. */
const LEAVE_MS = 5_000;

export interface LinkOptions {
  readonly settings: EngineSettings;
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
  #child: Child | null = null;
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
    const { settings, memory, log } = this.#options;
    let hear: (message: FromEngine) => void = () => {};
    const child = new Child({
      entry: new URL(`./engine/process${extname(import.meta.url)}`, import.meta.url),
      data: settings,
      memoryMb: memory,
      onMessage: (message) => hear(message as FromEngine),
      onQuestion: (_question, answer) => answer(null),
      onPrinted: (line) => log(false, line),
    });
    const begun = new Promise<Loaded>((resolve, reject) => {
      hear = (message) => {
        if (message.kind === 'ready') resolve(message);
        else if (message.kind === 'failed' && message.id === 0) reject(new Error(message.message));
        else this.#receive(message);
      };
      void child.ended.then(({ words }) => reject(new Error(`their process ${words} while they were loaded`)));
    });
    const loaded = await begun.catch((error: unknown) => {
      child.kill();
      throw error;
    });
    void child.ended.then(({ words }) => this.#died(child, `it ${words}`));
    this.#child = child;
    this.#answeredAt = performance.now();
    this.#beat = setInterval(() => this.#listen(child), BEAT_MS).unref();
    return loaded;
  }

  /** Rejects if the process is not there, or dies before it answers. */
  ask(client: ClientFacts, call: Call): Promise<Answer> {
    return this.#request((id) => ({ id, client, call }));
  }

  hostsFor(domain: string): Promise<RouteAnswer> {
    return this.#request((id) => ({ id, route: { kind: 'get_mx', domain } }));
  }

  #request<T>(request: (id: number) => Request): Promise<T> {
    const child = this.#child;
    if (child === null) return Promise.reject(new Error('the process of the plugins is being started again'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      post(child, request(id));
    });
  }

  /** The client of a session speaks before it was greeted. */
  tellEarly(session: string): void {
    if (this.#child !== null) post(this.#child, { early: session });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#starting);
    const child = this.#child;
    if (child === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LEAVE_MS);
      this.#onClosed = () => {
        clearTimeout(timer);
        resolve();
      };
      post(child, { order: 'close' });
    });
    child.kill();
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
    if (this.#child !== null) post(this.#child, { sent: mail.id, failure });
  }

  /** Ends the process if a plugin keeps it from answering. */
  #listen(child: Child): void {
    const silent = performance.now() - this.#answeredAt;
    if (silent > PATIENCE_MS) {
      const who = child.mark;
      this.#died(child, `${who === '' ? 'a plugin' : who} has not returned for ${Math.round(silent / 1000)} s`);
      child.kill();
    } else post(child, { order: 'ping' });
  }

  #died(child: Child, why: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    clearInterval(this.#beat);
    const where = child.mark === '' || why.startsWith(child.mark) ? '' : ` in ${child.mark}`;
    const error = new Error(`the process of Haraka's plugins ended: ${why}${where}`);
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

const post = (child: Child, request: Request): void => child.post(request);
