/**
 * A few worker threads for what would block the main thread: hashes, signatures, parsing of long messages. They are
 * started when they are first needed. Work that takes too long is answered with an error, and so is all work of a
 * thread that hangs or falls; another thread is started for what comes next.
 */
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../src/errors.ts';
import type { FromThread, ToThread } from './messages.ts';

export interface PoolOptions {
  /** The file that calls `serve`: `new URL(`./thread${extname(import.meta.url)}`, import.meta.url)`. */
  readonly entry: URL;
  /** Of errors and the log: 'mail-auth'. */
  readonly name: string;
  /** At most so many threads (1). */
  readonly threads?: number;
  /** Pieces of work that one thread does at once (1); more than one where the work waits for answers. */
  readonly atOnce?: number;
  /** Pieces of work that may wait for a thread (1000); what is more is refused. */
  readonly queue?: number;
  /** For a piece of work, with its time in the queue, ms. */
  readonly deadlineMs: number;
  /** Of a thread's heap, MiB (128). */
  readonly memoryMb?: number;
  /** Told when a thread ended by itself, or was ended because it hung. */
  readonly onEnd?: (why: string) => void;
}

/** Why there is no result. `failed`: the work itself threw; its message is that error's. */
export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly reason: 'failed' | 'full' | 'late' | 'ended' | 'closed';
  constructor(reason: PoolError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Answers what the work asks meanwhile; what it throws is thrown there. */
export type Answering = (question: never) => unknown;

interface Piece {
  readonly id: number;
  readonly input: unknown;
  readonly answer: (question: unknown) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: PoolError) => void;
  timer?: NodeJS.Timeout;
  /** Null: it waits in the queue. */
  thread: Thread | null;
}

interface Thread {
  readonly worker: Worker;
  readonly pieces: Map<number, Piece>;
  /** It was asked whether it lives, and has not answered. */
  doubt: NodeJS.Timeout | null;
  /** It has said something since its start. */
  hasSpoken: boolean;
}

const HUNG = 'it hung';
/** How long a thread with late work may take to say that it lives. */
const GRACE_MS = 1_000;
/** After a thread fell before it did anything: no other one so long. */
const PAUSE_MS = 1_000;

export class Pool<Input, Output> {
  readonly #options: Required<PoolOptions>;
  readonly #threads = new Set<Thread>();
  readonly #waiting = new Map<number, Piece>();
  #lastId = 0;
  #pauseUntil = 0;
  #lastEnd = '';
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = { threads: 1, atOnce: 1, queue: 1000, memoryMb: 128, onEnd: () => {}, ...options };
  }

  /** Pieces of work that wait for a thread, and that threads do. */
  get load(): { readonly waiting: number; readonly running: number } {
    let running = 0;
    for (const { pieces } of this.#threads) running += pieces.size;
    return { waiting: this.#waiting.size, running };
  }

  /** The work's result. Rejects with PoolError. */
  run(input: Input, answer: Answering = refuse): Promise<Output> {
    const { name, queue, deadlineMs } = this.#options;
    if (this.#isClosed) return Promise.reject(new PoolError('closed', `${name}: its threads were closed`));
    const hasRoom = this.#free() !== null || this.#mayStart();
    if (!hasRoom && this.#waiting.size >= queue)
      return Promise.reject(new PoolError('full', `${name}: ${queue} pieces of work wait already`));
    if (!hasRoom && this.#threads.size === 0)
      return Promise.reject(new PoolError('ended', `${name}: its thread ended: ${this.#lastEnd}`));
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const piece: Piece = {
        ...{ id: this.#lastId, input, answer: answer as Piece['answer'], reject, thread: null },
        resolve: resolve as Piece['resolve'],
      };
      piece.timer = setTimeout(() => this.#late(piece), deadlineMs);
      this.#waiting.set(piece.id, piece);
      this.#assign();
    });
  }

  /** Ends the threads; what is not done yet is rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const ended = new PoolError('closed', `${this.#options.name}: its threads were closed`);
    for (const piece of this.#waiting.values()) this.#settle(piece)?.reject(ended);
    const threads = [...this.#threads];
    for (const thread of threads) this.#forget(thread, ended);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  #free(): Thread | null {
    let least: Thread | null = null;
    for (const thread of this.#threads)
      if (thread.doubt === null && thread.pieces.size < (least?.pieces.size ?? this.#options.atOnce)) least = thread;
    return least;
  }

  #mayStart(): boolean {
    return this.#threads.size < this.#options.threads && performance.now() >= this.#pauseUntil;
  }

  /** Gives waiting work to threads: to an idle one, to a new one, to one that does something else meanwhile. */
  #assign(): void {
    for (const piece of this.#waiting.values()) {
      const free = this.#free();
      const thread = (free === null || free.pieces.size > 0) && this.#mayStart() ? this.#start() : free;
      if (thread === null) return;
      this.#waiting.delete(piece.id);
      this.#give(piece, thread);
    }
  }

  #give(piece: Piece, thread: Thread): void {
    piece.thread = thread;
    thread.pieces.set(piece.id, piece);
    try {
      post(thread, { kind: 'work', id: piece.id, input: piece.input });
    } catch (error) {
      this.#settle(piece)?.reject(new PoolError('failed', messageOf(error)));
    }
  }

  #start(): Thread {
    const { entry, memoryMb } = this.#options;
    const worker = new Worker(entry, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    });
    const thread: Thread = { worker, pieces: new Map(), doubt: null, hasSpoken: false };
    worker.on('message', (message: FromThread) => this.#receive(thread, message));
    worker.on('error', (error) => this.#ended(thread, messageOf(error)));
    worker.on('exit', (code) => this.#ended(thread, `it ended with code ${code}`));
    worker.unref();
    this.#threads.add(thread);
    return thread;
  }

  #receive(thread: Thread, message: FromThread): void {
    thread.hasSpoken = true;
    if (thread.doubt !== null) {
      clearTimeout(thread.doubt);
      thread.doubt = null;
    }
    if (message.kind !== 'pong') {
      const piece = thread.pieces.get(message.id);
      if (piece === undefined) return;
      if (message.kind === 'ask') {
        void this.#answer(piece, thread, message.question, message.value);
        return;
      }
      this.#settle(piece);
      if (message.kind === 'done') piece.resolve(message.value);
      else piece.reject(new PoolError('failed', message.message));
    }
    this.#assign();
  }

  async #answer(piece: Piece, thread: Thread, question: number, value: unknown): Promise<void> {
    const place = { id: piece.id, question };
    try {
      post(thread, { kind: 'answer', ...place, value: await piece.answer(value) });
    } catch (error) {
      post(thread, { kind: 'refusal', ...place, message: messageOf(error) });
    }
  }

  #late(piece: Piece): void {
    const { thread } = piece;
    this.#settle(piece)?.reject(
      new PoolError('late', `${this.#options.name}: not done within ${this.#options.deadlineMs / 1000} s`),
    );
    if (thread === null) return;
    post(thread, { kind: 'drop', id: piece.id });
    if (thread.doubt !== null) return;
    thread.doubt = setTimeout(() => {
      this.#ended(thread, HUNG);
      void thread.worker.terminate();
    }, GRACE_MS);
    post(thread, { kind: 'ping' });
  }

  /** The piece is over; undefined if it was so before. */
  #settle(piece: Piece): Piece | undefined {
    clearTimeout(piece.timer);
    const had = piece.thread === null ? this.#waiting.delete(piece.id) : piece.thread.pieces.delete(piece.id);
    return had ? piece : undefined;
  }

  #forget(thread: Thread, why: PoolError): void {
    this.#threads.delete(thread);
    if (thread.doubt !== null) clearTimeout(thread.doubt);
    for (const piece of thread.pieces.values()) this.#settle(piece)?.reject(why);
  }

  #ended(thread: Thread, why: string): void {
    if (!this.#threads.has(thread)) return;
    const { name, onEnd } = this.#options;
    const error = new PoolError('ended', `${name}: its thread ended: ${why}`);
    this.#lastEnd = why;
    if (!thread.hasSpoken && why !== HUNG) this.#pauseUntil = performance.now() + PAUSE_MS;
    this.#forget(thread, error);
    onEnd(why);
    this.#assign();
    // Without a thread nobody would take it before its deadline.
    if (this.#threads.size === 0) for (const piece of this.#waiting.values()) this.#settle(piece)?.reject(error);
  }
}

const post = ({ worker }: Thread, message: ToThread): void => worker.postMessage(message);

const refuse = (): never => {
  throw new Error('this work may ask nothing');
};
