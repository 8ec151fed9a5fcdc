/** The results of one query, limited in number and size: what is beyond is not kept. */
import { RefusedError } from './servers.ts';

const MOST_RESULTS = 100_000;
/** Characters of all results. */
const LARGEST = 4_000_000;

export class Results {
  readonly #values: string[] = [];
  #size = 0;

  /** Null counts as no result. */
  add(value: string | null): void {
    if (value === null) return;
    this.#size += value.length + 1;
    if (!this.#isTooLarge()) this.#values.push(value);
  }

  /** Throws RefusedError if there were too many. */
  all(): readonly string[] {
    if (this.#isTooLarge()) throw new RefusedError(`more than ${MOST_RESULTS} results or ${LARGEST} characters`);
    return this.#values;
  }

  /** The same for a promise. */
  settle({ resolve, reject }: Pick<PromiseWithResolvers<readonly string[]>, 'resolve' | 'reject'>): void {
    try {
      resolve(this.all());
    } catch (error) {
      reject(error);
    }
  }

  #isTooLarge(): boolean {
    return this.#size > LARGEST || this.#values.length >= MOST_RESULTS;
  }
}
