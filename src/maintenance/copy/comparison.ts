/** What a verification compared, and what differs. */
import { isDeepStrictEqual } from 'node:util';

/** In the order in which they are shown. */
export const COMPARED = [
  'accounts',
  'aliases',
  'domains',
  'mailboxes',
  'subscriptions',
  'messages',
  'expunged messages',
  'contents',
  'queue items',
  'plugin states',
] as const;
export type Compared = (typeof COMPARED)[number];

export interface Difference {
  readonly what: Compared;
  readonly place: string;
  readonly problem: string;
}

export type Fields = Readonly<Record<string, unknown>>;

export class Comparison {
  /** How many differences are listed. */
  static readonly listed = 100;
  readonly counts = new Map<Compared, { compared: number; different: number }>(
    COMPARED.map((what) => [what, { compared: 0, different: 0 }]),
  );
  readonly first: Difference[] = [];

  get different(): number {
    return [...this.counts.values()].reduce((sum, { different }) => sum + different, 0);
  }

  /** Undefined: it is not there. The values of both are plain data. */
  compare(what: Compared, place: string, source: Fields | undefined, target: Fields | undefined): void {
    this.#countOf(what).compared += 1;
    if (source === undefined || target === undefined) {
      if (source !== target) this.differ(what, place, source === undefined ? 'is not in the source' : 'is missing');
      return;
    }
    const problems = Object.keys({ ...source, ...target }).flatMap((name) => {
      const [here, there] = [source[name], target[name]];
      return isDeepStrictEqual(here, there) ? [] : [`${name} ${shown(here)}, copied as ${shown(there)}`];
    });
    if (problems.length > 0) this.differ(what, place, problems.join('; '));
  }

  /** So many were compared elsewhere, and are equal. */
  note(what: Compared, compared: number): void {
    this.#countOf(what).compared += compared;
  }

  /** All keys of both sides. */
  compareMaps(
    what: Compared,
    place: string,
    source: ReadonlyMap<string, Fields>,
    target: ReadonlyMap<string, Fields>,
  ): void {
    for (const key of new Set([...source.keys(), ...target.keys()]))
      this.compare(what, `${place}${key}`, source.get(key), target.get(key));
  }

  differ(what: Compared, place: string, problem: string): void {
    this.#countOf(what).different += 1;
    if (this.first.length < Comparison.listed) this.first.push({ what, place, problem });
  }

  #countOf(what: Compared): { compared: number; different: number } {
    const count = this.counts.get(what);
    if (count === undefined) throw new Error(`nothing counts ${what}`);
    return count;
  }
}

const LONGEST = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}
