/**
 * A place for one front process: there is one at all times. One that ends is started again, after a pause that grows
 * while they end soon.
 */
import { messageOf } from '../errors.ts';
import { describeExit, type Exit, type FrontProcess } from './front-process.ts';
import { GrowingPause } from './pauses.ts';
import type { Say } from './supervisor-log.ts';

export class Slot {
  readonly #fork: () => FrontProcess;
  readonly #say: Say;
  readonly #pause = new GrowingPause();
  #process: FrontProcess;
  #timer: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(first: FrontProcess, fork: () => FrontProcess, say: Say) {
    this.#process = first;
    this.#fork = fork;
    this.#say = say;
    this.#watch(first);
  }

  /** It may be starting, or have ended. */
  get process(): FrontProcess {
    return this.#process;
  }

  /** From now on `next` is here. Returns the one before. */
  replace(next: FrontProcess): FrontProcess {
    clearTimeout(this.#timer);
    const before = this.#process;
    this.#watch(next);
    return before;
  }

  /** The process that is here is not started again. */
  end(): FrontProcess {
    clearTimeout(this.#timer);
    this.#isEnded = true;
    return this.#process;
  }

  #watch(process: FrontProcess): void {
    this.#process = process;
    void process.exited.then((exit) => {
      if (this.#process === process && !this.#isEnded) this.#revive(process, exit);
    });
  }

  #revive({ pid }: FrontProcess, exit: Exit): void {
    const pause = this.#pause.after(exit.lived);
    this.#say('error', `process ${pid} has ended (${describeExit(exit)}); another is started in ${pause / 1000} s`);
    this.#timer = setTimeout(() => {
      const next = this.#fork();
      next.ready.then(
        () => this.#say('info', `process ${next.pid} serves in its place`),
        (error: unknown) => this.#say('error', `process ${next.pid} did not start: ${messageOf(error)}`),
      );
      this.#watch(next);
    }, pause);
  }
}
