/**
 * How far long work is, on standard error: a bar where that is a terminal, otherwise a line now and then, so that a
 * script's output is the result alone.
 */
const BAR_MS = 200;
const LINE_MS = 5_000;
const BAR_WIDTH = 10;

export interface Measured {
  /** Done of all; 0 of 0 where it is not known yet. */
  readonly done: number;
  readonly of: number;
  /** Octets that went through; absent where they are not counted. */
  readonly octets?: number;
}

export class Progress {
  readonly #noun: string;
  readonly #measure: () => Measured;
  readonly #isTerminal = process.stderr.isTTY;
  readonly #timer: NodeJS.Timeout;
  #step = '';
  #begun = performance.now();
  #octets = 0;
  #shown = '';

  /** `noun`: what is counted, in the plural. */
  constructor(noun: string, measure: () => Measured) {
    this.#noun = noun;
    this.#measure = measure;
    this.#timer = setInterval(() => this.#show(), this.#isTerminal ? BAR_MS : LINE_MS);
  }

  /** Rates and the time left are those of this step. */
  begin(step: string): void {
    this.#step = step;
    this.#begun = performance.now();
    this.#octets = this.#measure().octets ?? 0;
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#isTerminal) process.stderr.write('\r\u001b[K');
  }

  #show(): void {
    const { done, of, octets } = this.#measure();
    const took = performance.now() - this.#begun;
    const line = progressLine(
      this.#step,
      this.#noun,
      { done, of, ...(octets === undefined ? {} : { octets: octets - this.#octets }) },
      took,
    );
    // A step that cannot be measured says so once.
    if (line === this.#shown) return;
    this.#shown = line;
    process.stderr.write(
      this.#isTerminal ? `\r\u001b[K${line.slice(0, (process.stderr.columns || 80) - 1)}` : `${line}\n`,
    );
  }
}

/**
 * `pass 1 [###-------]  25 %  5000/20000 messages, 6800/s, 38.0 MB/s, 2.0 s left`. `took`: for so many of them, ms.
 * @internal
 */
export function progressLine(step: string, noun: string, { done, of, octets }: Measured, took: number): string {
  if (of === 0) return step;
  const part = Math.min(1, done / of);
  const filled = Math.round(part * BAR_WIDTH);
  const seconds = took / 1000;
  const rate = done / seconds;
  const left = rate > 0 ? `, ${duration((of - done) / rate)} left` : '';
  const through = octets === undefined ? '' : `, ${megabytes(octets / seconds)}/s`;
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
  return `${step} ${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${done}/${of} ${noun}, ${Math.round(rate)}/s${through}${left}`;
}

const megabytes = (octets: number): string => `${(octets / 1e6).toFixed(1)} MB`;

/** `40 s`, `3 min`, `1 h 20 min`. */
export function duration(seconds: number): string {
  if (seconds < 100) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Time between two lines, ms. */
const QUIET_MS = 2_000;

/** For work that only tells how much is done: a line now and then. */
export function progressLines(say: (done: number, of: number) => string): (done: number, of: number) => void {
  let next = performance.now() + QUIET_MS;
  return (done, of) => {
    if (performance.now() < next) return;
    next = performance.now() + QUIET_MS;
    console.error(say(done, of));
  };
}
