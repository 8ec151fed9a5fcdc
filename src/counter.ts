/**
 * Counters in the form of Prometheus: how often something happened in this process since its start, or how long it took.
 *
 * Labels are words of the program or of the configuration, never what a client sent. All the same a counter has at most
 * MOST_SERIES combinations of them; what exceeds that is counted with `other` in each label. What `posthorn explain`
 * tries is not counted: it did not happen.
 */
import { trace } from './tracing.ts';

const MOST_SERIES = 500;
const SEPARATOR = '\0';

export interface Sample {
  /** What follows the name of the family: `_bucket`, `_sum`, `_count`; mostly ''. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All samples of one name. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Over several processes: their sum, or the highest. */
  readonly across: 'sum' | 'max';
  readonly samples: readonly Sample[];
}

/** As many values as there are labels. */
type Values<L extends readonly string[]> = { readonly [K in keyof L]: string };

/** The value of each combination of labels. */
class Series<L extends readonly string[], T> {
  readonly #labels: L;
  readonly #make: () => T;
  readonly #values = new Map<string, T>();

  constructor(labels: L, make: () => T) {
    this.#labels = labels;
    this.#make = make;
  }

  of(values: Values<L>): T {
    const key = values.join(SEPARATOR);
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const isFull = this.#values.size >= MOST_SERIES;
    const kept = isFull ? this.#labels.map(() => 'other').join(SEPARATOR) : key;
    const value = this.#values.get(kept) ?? this.#make();
    this.#values.set(kept, value);
    return value;
  }

  *[Symbol.iterator](): Generator<readonly [labels: Readonly<Record<string, string>>, value: T]> {
    for (const [key, value] of this.#values) {
      const values = key.split(SEPARATOR);
      yield [Object.fromEntries(this.#labels.map((label, i) => [label, values[i] ?? ''])), value];
    }
  }
}

export class Counter<const L extends readonly string[] = []> {
  readonly #about: Pick<Family, 'name' | 'help'>;
  readonly #series: Series<L, { count: number }>;

  /** `name` ends with `_total`. */
  constructor(name: string, help: string, labels: L) {
    this.#about = { name, help };
    this.#series = new Series(labels, () => ({ count: 0 }));
  }

  count(...values: Values<L>): void {
    this.add(1, ...values);
  }

  add(amount: number, ...values: Values<L>): void {
    if (trace()?.hypothetical !== true) this.#series.of(values).count += amount;
  }

  get family(): Family {
    const samples = [...this.#series].map(([labels, { count }]) => ({ suffix: '', labels, value: count }));
    return { ...this.#about, type: 'counter', across: 'sum', samples };
  }
}

/** A value that is set. */
export class Gauge<const L extends readonly string[] = []> {
  readonly #about: Pick<Family, 'name' | 'help' | 'across'>;
  readonly #series: Series<L, { value: number }>;

  constructor(name: string, help: string, labels: L, across: Family['across']) {
    this.#about = { name, help, across };
    this.#series = new Series(labels, () => ({ value: 0 }));
  }

  set(value: number, ...values: Values<L>): void {
    if (trace()?.hypothetical !== true) this.#series.of(values).value = value;
  }

  get family(): Family {
    const samples = [...this.#series].map(([labels, { value }]) => ({ suffix: '', labels, value }));
    return { ...this.#about, type: 'gauge', samples };
  }
}

interface Distribution {
  sum: number;
  /** By bucket. */
  readonly counts: number[];
}

export class Histogram<const L extends readonly string[] = []> {
  readonly #about: Pick<Family, 'name' | 'help'>;
  readonly #bounds: readonly number[];
  readonly #series: Series<L, Distribution>;

  /** `name` ends with its unit; `bounds` of the buckets in that unit, rising. */
  constructor(name: string, help: string, labels: L, bounds: readonly number[]) {
    this.#about = { name, help };
    this.#bounds = bounds;
    this.#series = new Series(labels, () => ({ sum: 0, counts: [...bounds.map(() => 0), 0] }));
  }

  observe(value: number, ...values: Values<L>): void {
    if (trace()?.hypothetical !== true) this.#record(this.#series.of(values), value);
  }

  /**
   * The same for one combination of labels, which is looked up at its first value: for what is called often. Whoever
   * calls it knows that it happened.
   */
  observer(...values: Values<L>): (value: number) => void {
    let series: Distribution | undefined;
    return (value) => {
      series ??= this.#series.of(values);
      this.#record(series, value);
    };
  }

  #record(series: Distribution, value: number): void {
    const bounds = this.#bounds;
    let at = 0;
    // NaN is in no bucket but the last.
    while (at < bounds.length && !(value <= (bounds[at] ?? 0))) at += 1;
    series.sum += value;
    series.counts[at] = (series.counts[at] ?? 0) + 1;
  }

  get family(): Family {
    const samples: Sample[] = [];
    for (const [labels, { sum, counts }] of this.#series) {
      let below = 0;
      for (const [i, count] of counts.entries()) {
        below += count;
        samples.push({ suffix: '_bucket', labels: { ...labels, le: String(this.#bounds[i] ?? '+Inf') }, value: below });
      }
      samples.push({ suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: below });
    }
    return { ...this.#about, type: 'histogram', across: 'sum', samples };
  }
}
