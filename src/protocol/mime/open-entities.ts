/**
 * The entities whose end the indexer has not seen: the message, and the part within the part that it stands in.
 * At most some dozens at a time, so that looking through all of them is cheap.
 */
import type { Part } from '../../mail/message.ts';
import { isMessage } from './structure.ts';

/** RFC 2046 allows 70 characters. */
const MAX_BOUNDARY = 200;

/** A part while it grows. */
export type Draft = { -readonly [K in keyof Part]: Part[K] } & { parts: Part[] };

interface Open {
  readonly part: Draft;
  /** `--boundary` while it may come, for a multipart. */
  delimiter: string | null;
  /** The line count where its body began. */
  readonly startLines: number;
}

export class OpenEntities {
  readonly #stack: Open[] = [];
  /** Open message/rfc822 entities: their line counts include all that is in them. */
  #messages = 0;
  /** Lines of what comes now are wanted: it is text, or within an enclosed message. */
  counting = false;
  /** Length of the longest `--boundary` that may come, 0 where none may. */
  longestDelimiter = 0;

  get depth(): number {
    return this.#stack.length;
  }

  get innermost(): Draft | undefined {
    return this.#stack.at(-1)?.part;
  }

  /** `divided`: a multipart whose boundaries are looked for. */
  push(part: Draft, startLines: number, divided: boolean): void {
    this.#stack.push({ part, startLines, delimiter: divided ? delimiterOf(part) : null });
    if (isMessage(part)) this.#messages += 1;
    this.#refresh();
  }

  /** Which open multipart a line belongs to: the longest boundary that it begins with; -1 for none. */
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

  /** The multipart's last boundary was met: no other will come. */
  finishDelimiter(level: number): void {
    const open = this.#stack[level];
    if (open !== undefined) open.delimiter = null;
    this.#refresh();
  }

  /** From now on no boundary is looked for. */
  forgetDelimiters(): void {
    for (const open of this.#stack) open.delimiter = null;
    this.#refresh();
  }

  /** Entities from `level` on end at `offset`, where `lines` were counted. */
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
  // Parameters are Unicode by now; a boundary is matched as octets.
  return `--${Buffer.from(value, 'utf8').toString('latin1')}`;
}
