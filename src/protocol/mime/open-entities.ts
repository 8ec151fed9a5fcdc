/**
 * The entities whose end the indexer has not reached: the message, and the nested parts at the current position.
 * At most a few dozen at a time, so that a linear search is cheap.
 */
import type { Part } from '../../mail/message.ts';
import { isMessage } from './structure.ts';

/** RFC 2046 allows 70 characters. */
const MAX_BOUNDARY = 200;

/** A part under construction. */
export type Draft = { -readonly [K in keyof Part]: Part[K] } & { parts: Part[] };

interface Open {
  readonly part: Draft;
  /** `--boundary` while one may follow, for a multipart. */
  delimiter: string | null;
  /** The line count at the start of its body. */
  readonly startLines: number;
}

export class OpenEntities {
  readonly #stack: Open[] = [];
  /** Number of open message/rfc822 entities: their line counts include everything inside. */
  #messages = 0;
  /** Whether lines need to be counted: in text parts, and inside enclosed messages. */
  counting = false;
  /** Length of the longest `--boundary` that may follow, 0 if none. */
  longestDelimiter = 0;

  get depth(): number {
    return this.#stack.length;
  }

  get innermost(): Draft | undefined {
    return this.#stack.at(-1)?.part;
  }

  /** `divided`: a multipart whose boundaries are searched for. */
  push(part: Draft, startLines: number, divided: boolean): void {
    this.#stack.push({ part, startLines, delimiter: divided ? delimiterOf(part) : null });
    if (isMessage(part)) this.#messages += 1;
    this.#refresh();
  }

  /** The open multipart to which a boundary line belongs: the longest matching prefix; -1 if none. */
  match(line: string): number {
    let best = -1;
    let length = 0;
    for (let level = this.#stack.length - 1; level >= 0; level -= 1) {
      const delimiter = this.#stack[level]?.delimiter;
      if (delimiter !== null && delimiter !== undefined && delimiter.length > length && line.startsWith(delimiter)) {
        best = level;
        length = delimiter.length;
      }
    }
    return best;
  }

  delimiterLength(level: number): number {
    return this.#stack[level]?.delimiter?.length ?? 0;
  }

  /** The multipart's last boundary was found: no other can follow. */
  finishDelimiter(level: number): void {
    const open = this.#stack[level];
    if (open !== undefined) open.delimiter = null;
    this.#refresh();
  }

  /** Stops looking for boundaries. */
  forgetDelimiters(): void {
    for (const open of this.#stack) open.delimiter = null;
    this.#refresh();
  }

  /** Ends the entities from `level` on at `offset`, at line count `lines`. */
  closeTo(level: number, offset: number, lines: number): void {
    while (this.#stack.length > level) {
      const closed = this.#stack.pop();
      if (closed === undefined) break;
      const { part } = closed;
      part.bodyEnd = Math.max(part.bodyStart, offset);
      part.lines = Math.max(0, lines - closed.startLines);
      if (isMessage(part)) this.#messages -= 1;
    }
    this.#refresh();
  }

  #refresh(): void {
    this.counting = this.#messages > 0 || this.innermost?.type === 'text';
    this.longestDelimiter = this.#stack.reduce(
      (longest, { delimiter }) => Math.max(longest, delimiter?.length ?? 0),
      0,
    );
  }
}

function delimiterOf(part: Part): string | null {
  const value = part.parameters.find(([name]) => name === 'boundary')?.[1] ?? '';
  if (value === '' || value.length > MAX_BOUNDARY) return null;
  // Parameters are decoded to Unicode; a boundary is matched as octets.
  return `--${Buffer.from(value, 'utf8').toString('latin1')}`;
}
