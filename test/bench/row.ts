/** A row of the benchmark: what is measured, in which unit, and which direction is better. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Row {
  /** Selected by `npm run bench -- NAME`; a prefix selects several. */
  readonly name: string;
  /** Describes the row to the reader of the table. */
  readonly about: string;
  measure(say: (text: string) => void): Promise<readonly Measurement[]>;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value that a fraction `at` of all values does not exceed. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * at)] ?? 0;
}
