/** A row of the benchmark: what is measured, in which unit, and which way is better. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Row {
  /** What `npm run bench -- NAME` chooses by; a prefix chooses several. */
  readonly name: string;
  /** What it does, for the table's reader. */
  readonly about: string;
  measure(say: (text: string) => void): Promise<readonly Measurement[]>;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** The value that the part `at` of all values does not exceed. */
export function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * at)] ?? 0;
}
