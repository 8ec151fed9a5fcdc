/** Accounts drawn at random, always the same for the same seed: how unequal they are, and how unequal shards become. */
import { randomNumbers } from '../peers/corpus.ts';
import type { Inputs } from './inputs.ts';

export interface Population {
  /** Messages of an account: mean, median, of one in a hundred and in ten thousand. */
  readonly kept: { readonly mean: number; readonly p99: number; readonly p9999: number; readonly most: number };
  /** Octets of a message. */
  readonly size: { readonly mean: number; readonly median: number };
  /** The fullest of so many shards, over their mean, where so many accounts are spread over them. */
  skew(shards: number, accounts: number): number;
}

/** Drawn at most: more accounts change nothing but the time it takes. */
const DRAWN = 200_000;
const SIZES = 50_000;
/** The largest message that is taken (message_size_limit), and the fewest octets of one. */
const LARGEST = 25e6;
const SMALLEST = 500;

export function drawPopulation(inputs: Inputs): Population {
  const random = randomNumbers(inputs.seed);
  const logNormal = (median: number, sigma: number): number => median * Math.exp(sigma * normal(random));
  const count = Math.max(1, Math.min(inputs.accounts, DRAWN));
  const drawn = Float64Array.from({ length: count }, () => logNormal(inputs['kept-median'], inputs['kept-sigma']));
  const sizes = Float64Array.from({ length: SIZES }, () =>
    Math.min(LARGEST, Math.max(SMALLEST, logNormal(inputs['size-median'], inputs['size-sigma']))),
  );
  const sorted = drawn.toSorted();
  const average = mean(drawn);
  const variation = Math.sqrt(mean(drawn.map((messages) => (messages - average) ** 2))) / average;
  const at = (share: number): number => sorted[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  return {
    kept: { mean: average, p99: at(0.99), p9999: at(0.9999), most: at(1) },
    size: { mean: mean(sizes), median: sizes.toSorted()[SIZES / 2] ?? 0 },
    skew: (shards, accounts) => skewOf(variation, shards, accounts),
  };
}

/**
 * Ids are random, so each account is on any shard: sums of many are about normal, and the largest of `shards` of them is
 * about √(2 ln shards) standard deviations above the mean. `variation`: of one account, relative to the mean.
 */
const skewOf = (variation: number, shards: number, accounts: number): number =>
  1 + variation * Math.sqrt(shards / Math.max(1, accounts)) * Math.sqrt(2 * Math.log(Math.max(1, shards)));

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Box-Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
