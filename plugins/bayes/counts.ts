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

interface Row extends Seen {
  readonly word: number;
  readonly day: number;
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

export class Counts {
  /** Messages learned. */
  readonly spam: number;
  readonly ham: number;
  readonly #words: Uint32Array;
  /** Spam, ham and day of each word. */
  readonly #values: Uint16Array;

  private constructor(total: Seen, rows: readonly Row[]) {
    this.spam = total.spam;
    this.ham = total.ham;
    this.#words = Uint32Array.from(rows, ({ word }) => word);
    this.#values = Uint16Array.from(rows.flatMap(({ spam, ham, day }) => [spam, ham, day]));
  }

  static readonly NONE = new Counts({ spam: 0, ham: 0 }, []);

  /** Throws a RangeError if it is not what `toText` made. */
  static fromText(text: string): Counts {
    const octets = Buffer.from(text, 'base64');
    const rows: Row[] = [];
    for (let at = HEAD_OCTETS; at < octets.length; at += ROW_OCTETS)
      rows.push({
        word: octets.readUInt32LE(at),
        spam: octets.readUInt16LE(at + 4),
        ham: octets.readUInt16LE(at + 6),
        day: octets.readUInt16LE(at + 8),
      });
    return new Counts({ spam: octets.readUInt32LE(0), ham: octets.readUInt32LE(4) }, rows);
  }

  toText(): string {
    const octets = Buffer.alloc(HEAD_OCTETS + this.size * ROW_OCTETS);
    octets.writeUInt32LE(this.spam, 0);
    octets.writeUInt32LE(this.ham, 4);
    let at = HEAD_OCTETS;
    for (const { word, spam, ham, day } of this.#rows()) {
      octets.writeUInt32LE(word, at);
      octets.writeUInt16LE(spam, at + 4);
      octets.writeUInt16LE(ham, at + 6);
      octets.writeUInt16LE(day, at + 8);
      at += ROW_OCTETS;
    }
    return octets.toString('base64');
  }

  /** Words. */
  get size(): number {
    return this.#words.length;
  }

  /** Zeros for a word that was not seen. */
  of(word: number): Seen {
    let low = 0;
    let high = this.#words.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#words[middle] ?? 0) < word) low = middle + 1;
      else high = middle;
    }
    const row = this.#words[low] === word ? this.#row(low) : null;
    return { spam: row?.spam ?? 0, ham: row?.ham ?? 0 };
  }

  /** `day`: days since 1970; `isOurs`: which of the lesson's words are kept here. */
  with(lesson: Lesson, day: number, isOurs: (word: number) => boolean = () => true): Counts {
    const rows = new Map<number, Row>();
    for (const row of this.#rows()) rows.set(row.word, row);
    for (const [word, more] of lesson.words) {
      if (!isOurs(word)) continue;
      const row = rows.get(word);
      const [spam, ham] = [(row?.spam ?? 0) + more.spam, (row?.ham ?? 0) + more.ham];
      rows.set(word, { word, spam: Math.max(0, spam), ham: Math.max(0, ham), day });
    }
    const total = { spam: Math.max(0, this.spam + lesson.spam), ham: Math.max(0, this.ham + lesson.ham) };
    const kept = keptOf([...rows.values()]);
    const isFull =
      Math.max(total.spam, total.ham) > MOST_MESSAGES || kept.some(({ spam, ham }) => Math.max(spam, ham) > MOST_COUNT);
    if (!isFull) return new Counts(total, kept);
    const halved = kept.map((row) => ({ ...row, ...half(row) }));
    return new Counts(half(total), keptOf(halved));
  }

  *#rows(): Generator<Row> {
    for (let at = 0; at < this.#words.length; at += 1) yield this.#row(at);
  }

  #row(at: number): Row {
    const [spam = 0, ham = 0, day = 0] = this.#values.subarray(3 * at, 3 * at + 3);
    return { word: this.#words[at] ?? 0, spam, ham, day };
  }
}

const half = ({ spam, ham }: Seen): Seen => ({ spam: Math.floor(spam / 2), ham: Math.floor(ham / 2) });

/** Sorted by words, without those that count nothing, and at most MOST_ROWS. */
function keptOf(rows: readonly Row[]): Row[] {
  let kept = rows.filter(({ spam, ham }) => spam + ham > 0);
  if (kept.length > MOST_ROWS)
    kept = kept.sort((a, b) => worthOf(b) - worthOf(a)).slice(0, Math.floor(MOST_ROWS * KEPT));
  return kept.sort((a, b) => a.word - b.word);
}

const worthOf = ({ spam, ham, day }: Row): number => day + DAYS_PER_DOUBLING * Math.log2(spam + ham);
