/** A front process, as its supervisor sees it: a whole server in a process of its own. */
import cluster, { type Worker } from 'node:cluster';
import type { Answer } from '../admin/socket.ts';
import type { Started } from '../app/running-server.ts';
import { ConfigurationError } from '../config/fault.ts';
import { type FromFront, INSTRUCTIONS, type Instructions, type ToFront } from './messages.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  /** ms. */
  readonly lived: number;
}

export class FrontProcess {
  readonly #worker: Worker;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  /** Rejects with ConfigurationError or another readable Error if it could not start. */
  readonly ready: Promise<Started>;
  readonly exited: Promise<Exit>;
  #state: 'starting' | 'ready' | 'ended' = 'starting';
  #lastId = 0;

  constructor(instructions: Instructions) {
    const born = performance.now();
    this.#worker = cluster.fork({ [INSTRUCTIONS]: JSON.stringify(instructions) });
    const exited = Promise.withResolvers<Exit>();
    const ready = Promise.withResolvers<Started>();
    this.exited = exited.promise;
    this.ready = ready.promise;
    // Not everybody who starts one waits for it.
    this.ready.catch(() => {});
    const ended = (code: number | null, signal: string | null, why: string): void => {
      this.#state = 'ended';
      ready.reject(new Error(`a process of the server did not start: ${why}`));
      exited.resolve({ code, signal, lived: performance.now() - born });
      for (const answer of this.#asked.values())
        answer({ error: 'the process that worked on it has ended; see the log' });
      this.#asked.clear();
    };
    this.#worker.on('exit', (code, signal) => ended(code, signal, describeExit({ code, signal })));
    this.#worker.on('error', (error) => {
      // It was never there: no exit is told.
      if (this.#worker.process.pid === undefined) ended(null, null, error.message);
    });
    this.#worker.on('message', (message: FromFront) => {
      if (message.kind === 'ready') {
        this.#state = 'ready';
        ready.resolve(message.started);
      } else if (message.kind === 'failed') {
        ready.reject(message.faults === null ? new Error(message.message) : new ConfigurationError(message.faults));
      } else {
        this.#asked.get(message.id)?.(message.answer);
        this.#asked.delete(message.id);
      }
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  /** An administrator's request. Never rejects. */
  ask(line: string): Promise<Answer> {
    return new Promise((resolve) => {
      this.#lastId += 1;
      this.#asked.set(this.#lastId, resolve);
      this.#tell({ kind: 'ask', id: this.#lastId, line });
    });
  }

  /** It gets no more connections, and ends when those that it has are closed. */
  handOver(): void {
    if (this.isReady) this.#tell({ kind: 'hand-over' });
    else this.signal('SIGTERM');
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#worker.process.kill(signal);
  }

  #tell(message: ToFront): void {
    // One that cannot be told any more has ended, or is about to: `exited` says so.
    this.#worker.send(message, undefined, undefined, () => {});
  }
}

export const describeExit = ({ code, signal }: Pick<Exit, 'code' | 'signal'>): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;
