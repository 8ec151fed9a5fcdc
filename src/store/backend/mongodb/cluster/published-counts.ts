/**
 * The counts that a process tells the others, as they are in its document: `counts.TOPIC.KEY`. Pure: says how the
 * document must change.
 *
 * Bounded, because a document that grows beyond MongoDB's 16 MB could not be written any more, and the process would be
 * dead for the others: the largest counts are told, and no long keys.
 */

/** @internal */
export const KEYS_PER_TOPIC = 10_000;
const KEYS = 50_000;
/** Characters. */
const LONGEST_KEY = 100;
/** Up to here each changed count is set by itself; MongoDB looks for each of them in the document. */
const SINGLY = 200;

export type Counts = ReadonlyMap<string, number>;

/** The operators of an update, with paths in the document. */
export interface CountChanges {
  readonly set: Readonly<Record<string, unknown>>;
  readonly unset: Readonly<Record<string, ''>>;
}

export class PublishedCounts {
  #told = new Map<string, Counts>();

  /** What is to be told now; null where nothing has changed. `told` says that it was. */
  changes(topics: ReadonlyMap<string, Counts>): { readonly changes: CountChanges; readonly told: () => void } | null {
    const limit = Math.min(KEYS_PER_TOPIC, Math.floor(KEYS / topics.size));
    const now = new Map([...topics].map(([topic, counts]) => [topic, bounded(counts, limit)]));
    const set: Record<string, unknown> = {};
    const unset: Record<string, ''> = {};
    for (const [topic, counts] of now) change(`counts.${nameOf(topic)}`, this.#told.get(topic), counts, set, unset);
    for (const topic of this.#told.keys()) if (!now.has(topic)) unset[`counts.${nameOf(topic)}`] = '';
    const told = (): void => {
      this.#told = now;
    };
    return Object.keys(set).length + Object.keys(unset).length === 0 ? null : { changes: { set, unset }, told };
  }

  /** The document was made anew: nothing is told. */
  forget(): void {
    this.#told.clear();
  }
}

function change(
  path: string,
  before: Counts | undefined,
  now: Counts,
  set: Record<string, unknown>,
  unset: Record<string, ''>,
): void {
  if (before === undefined && now.size === 0) return;
  const changed = [...now].filter(([key, count]) => before?.get(key) !== count);
  const gone = [...(before ?? [])].filter(([key]) => !now.has(key));
  if (before === undefined || changed.length + gone.length > SINGLY) {
    set[path] = Object.fromEntries([...now].map(([key, count]) => [nameOf(key), count]));
    return;
  }
  for (const [key, count] of changed) set[`${path}.${nameOf(key)}`] = count;
  for (const [key] of gone) unset[`${path}.${nameOf(key)}`] = '';
}

function bounded(counts: Counts, limit: number): Counts {
  const told = [...counts].filter(([key, count]) => count > 0 && key.length <= LONGEST_KEY);
  if (told.length > limit) told.sort(([, a], [, b]) => b - a).length = limit;
  return new Map(told);
}

/** The sums of one topic over the documents of several processes. */
export function sumOf(topic: string, documents: readonly StoredCounts[]): Counts {
  const sums = new Map<string, number>();
  for (const document of documents)
    for (const [name, count] of Object.entries(document[nameOf(topic)] ?? {})) {
      const key = keyOf(name);
      sums.set(key, (sums.get(key) ?? 0) + count);
    }
  return sums;
}

/** By field name. */
export type StoredCounts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** A text as a field's name: without dots and dollars, never empty, and none that JavaScript treats specially. */
const nameOf = (text: string): string =>
  `=${text.replace(/[%.$\0]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;

const keyOf = (name: string): string =>
  name.slice(1).replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
