/** The thread's side of a pool: its entry file calls `serve` once. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { messageOf } from '../../src/errors.ts';
import type { Ask, FromThread, ToThread } from './messages.ts';

/** One piece of work: what it throws is the pool's rejection, by its message. */
export type Work<Input, Output, Question, Answer> = (input: Input, ask: Ask<Question, Answer>) => Promise<Output>;

interface Asked {
  readonly id: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const DROPPED = 'nobody waits for this any more';

class Thread {
  readonly #port: MessagePort;
  readonly #work: Work<unknown, unknown, unknown, unknown>;
  readonly #asked = new Map<number, Asked>();
  readonly #open = new Set<number>();
  #lastQuestion = 0;

  constructor(port: MessagePort, work: Work<unknown, unknown, unknown, unknown>) {
    this.#port = port;
    this.#work = work;
    port.on('message', (message: ToThread) => this.#receive(message));
  }

  #post(message: FromThread): void {
    this.#port.postMessage(message);
  }

  #receive(message: ToThread): void {
    switch (message.kind) {
      case 'work':
        void this.#run(message.id, message.input);
        break;
      case 'answer':
        this.#take(message.question)?.resolve(message.value);
        break;
      case 'refusal':
        this.#take(message.question)?.reject(new Error(message.message));
        break;
      case 'drop':
        this.#open.delete(message.id);
        for (const [question, { id, reject }] of this.#asked)
          if (id === message.id) {
            this.#asked.delete(question);
            reject(new Error(DROPPED));
          }
        break;
      default:
        this.#post({ kind: 'pong' });
    }
  }

  #take(question: number): Asked | undefined {
    const asked = this.#asked.get(question);
    this.#asked.delete(question);
    return asked;
  }

  async #run(id: number, input: unknown): Promise<void> {
    this.#open.add(id);
    try {
      const value = await this.#work(input, (question) => this.#ask(id, question));
      if (this.#open.has(id)) this.#post({ kind: 'done', id, value });
    } catch (error) {
      if (this.#open.has(id)) this.#post({ kind: 'failed', id, message: messageOf(error) });
    } finally {
      this.#open.delete(id);
    }
  }

  #ask(id: number, value: unknown): Promise<unknown> {
    if (!this.#open.has(id)) return Promise.reject(new Error(DROPPED));
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    return new Promise((resolve, reject) => {
      this.#asked.set(question, { id, resolve, reject });
      this.#post({ kind: 'ask', id, question, value });
    });
  }
}

/** Does what the pool sends, several pieces at once. Throws outside of a thread. */
export function serve<Input, Output, Question = never, Answer = never>(
  work: Work<Input, Output, Question, Answer>,
): void {
  if (parentPort === null) throw new Error('this file is the entry of a worker thread');
  new Thread(parentPort, work as Work<unknown, unknown, unknown, unknown>);
}
