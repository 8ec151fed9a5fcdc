/**
 * How often words were in spam and in other mail: ten octets a word, sorted by the words' numbers, immutable. A table
 * that is full forgets the words that were not seen for the longest time; the rare ones sooner.
 */

/** What one batch of messages adds. */
export interface Lesson {
  /** Messages; negative where one is taken back. */
  spam: number;
  ham: number;
  readonly words: Map<number, { spam: number; ham: number }>;
}

export const emptyLesson = (): Lesson => ({ spam: 0, ham: 0, words: new Map() });

export interface Seen {
  readonly spam: number;
  readonly ham: number;
}

/** Base64 of so many is below the limit of a value of the state. */
const MOST_ROWS = 16_000;
const ROW_OCTETS = 10;
const HEAD_OCTETS = 8;
/** Where a count would not fit, all are halved: what is new counts more than what is old. */
const MOST_COUNT = 0xffff;
const MOST_MESSAGES = 50_000;
/** So many of a full table are kept, so that not every lesson has to choose. */
const KEPT = 0.9;
/** A word seen twice as often is kept so many days longer. */
const DAYS_PER_DOUBLING = 30;

/** One column for each fact, so that a table is read, merged and written without an object for each word. */
class Rows {
  length = 0;
  readonly words: Uint32Array;
  readonly spam: Uint32Array;
  readonly ham: Uint32Array;
  readonly days: Uint16Array;

  constructor(room: number) {
    this.words = new Uint32Array(room);
    this.spam = new Uint32Array(room);
    this.ham = new Uint32Array(room);
    this.days = new Uint16Array(room);
  }

  /** A word that counts nothing any more is left out. */
  push(word: number, spam: number, ham: number, day: number): void {
    if (spam <= 0 && ham <= 0) return;
    const at = this.length;
    this.words[at] = word;
    this.spam[at] = Math.max(0, spam);
    this.ham[at] = Math.max(0, ham);
    this.days[at] = day;
    this.length += 1;
  }

  copy(from: Rows, at: number): void {
    this.push(from.words[at] ?? 0, from.spam[at] ?? 0, from.ham[at] ?? 0, from.days[at] ?? 0);
  }

  worth(at: number): number {
    return (this.days[at] ?? 0) + DAYS_PER_DOUBLING * Math.log2((this.spam[at] ?? 0) + (this.ham[at] ?? 0));
  }
}

export class Counts {
  /** Messages learned. */
  readonly spam: number;
  readonly ham: number;
  readonly #rows: Rows;

  private constructor(total: Seen, rows: Rows) {
    this.spam = total.spam;
    this.ham = total.ham;
    this.#rows = rows;
  }

  static readonly NONE = new Counts({ spam: 0, ham: 0 }, new Rows(0));

  /** Throws a RangeError if it is not what `toText` made. */
  static fromText(text: string): Counts {
    const octets = Buffer.from(text, 'base64');
    const rows = new Rows(Math.ceil((octets.length - HEAD_OCTETS) / ROW_OCTETS));
    for (let at = HEAD_OCTETS; at < octets.length; at += ROW_OCTETS) {
      const [word, spam, ham] = [octets.readUInt32LE(at), octets.readUInt16LE(at + 4), octets.readUInt16LE(at + 6)];
      rows.push(word, spam, ham, octets.readUInt16LE(at + 8));
    }
    return new Counts({ spam: octets.readUInt32LE(0), ham: octets.readUInt32LE(4) }, rows);
  }

  toText(): string {
    const { words, spam, ham, days, length } = this.#rows;
    const octets = Buffer.alloc(HEAD_OCTETS + length * ROW_OCTETS);
    octets.writeUInt32LE(this.spam, 0);
    octets.writeUInt32LE(this.ham, 4);
    for (let row = 0; row < length; row += 1) {
      const at = HEAD_OCTETS + row * ROW_OCTETS;
      octets.writeUInt32LE(words[row] ?? 0, at);
      octets.writeUInt16LE(spam[row] ?? 0, at + 4);
      octets.writeUInt16LE(ham[row] ?? 0, at + 6);
      octets.writeUInt16LE(days[row] ?? 0, at + 8);
    }
    return octets.toString('base64');
  }

  /** Words. */
  get size(): number {
    return this.#rows.length;
  }

  /** Zeros for a word that was not seen. */
  of(word: number): Seen {
    const { words, spam, ham, length } = this.#rows;
    let low = 0;
    let high = length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((words[middle] ?? 0) < word) low = middle + 1;
      else high = middle;
    }
    return low < length && words[low] === word ? { spam: spam[low] ?? 0, ham: ham[low] ?? 0 } : { spam: 0, ham: 0 };
  }

  /** `day`: days since 1970; `isOurs`: which of the lesson's words are kept here. */
  with(lesson: Lesson, day: number, isOurs: (word: number) => boolean = () => true): Counts {
    const rows = kept(merged(this.#rows, lesson, day, isOurs));
    const total = { spam: Math.max(0, this.spam + lesson.spam), ham: Math.max(0, this.ham + lesson.ham) };
    let most = 0;
    for (let at = 0; at < rows.length; at += 1) most = Math.max(most, rows.spam[at] ?? 0, rows.ham[at] ?? 0);
    const isFull = Math.max(total.spam, total.ham) > MOST_MESSAGES || most > MOST_COUNT;
    return isFull
      ? new Counts({ spam: half(total.spam), ham: half(total.ham) }, halved(rows))
      : new Counts(total, rows);
  }
}

const half = (count = 0): number => Math.floor(count / 2);

function merged(rows: Rows, lesson: Lesson, day: number, isOurs: (word: number) => boolean): Rows {
  const added = [...lesson.words.keys()].filter(isOurs).sort((a, b) => a - b);
  const all = new Rows(rows.length + added.length);
  let at = 0;
  for (const word of added) {
    while (at < rows.length && (rows.words[at] ?? 0) < word) {
      all.copy(rows, at);
      at += 1;
    }
    const more = lesson.words.get(word) ?? { spam: 0, ham: 0 };
    const isKnown = at < rows.length && rows.words[at] === word;
    const [spam, ham] = isKnown ? [rows.spam[at] ?? 0, rows.ham[at] ?? 0] : [0, 0];
    all.push(word, spam + more.spam, ham + more.ham, day);
    if (isKnown) at += 1;
  }
  for (; at < rows.length; at += 1) all.copy(rows, at);
  return all;
}

/** At most MOST_ROWS, those that are worth most. */
function kept(rows: Rows): Rows {
  if (rows.length <= MOST_ROWS) return rows;
  const worths = Float64Array.from({ length: rows.length }, (_, at) => rows.worth(at));
  const best = Uint32Array.from(worths.keys())
    .sort((a, b) => (worths[b] ?? 0) - (worths[a] ?? 0) || a - b)
    .slice(0, Math.floor(MOST_ROWS * KEPT))
    .sort();
  const fewer = new Rows(best.length);
  for (const at of best) fewer.copy(rows, at);
  return fewer;
}

function halved(rows: Rows): Rows {
  const result = new Rows(rows.length);
  for (let at = 0; at < rows.length; at += 1)
    result.push(rows.words[at] ?? 0, half(rows.spam[at]), half(rows.ham[at]), rows.days[at] ?? 0);
  return result;
}
