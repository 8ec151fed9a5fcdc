/** In which line each value of a file is, so that a fault can say so. */

/** From the top of a file to one of its values: keys of objects, places in lists. */
export type Path = readonly (string | number)[];

export class Lines {
  readonly #lines = new Map<string, number>();

  set(path: Path, line: number): void {
    this.#lines.set(JSON.stringify(path), line);
  }

  /** Of what is there; otherwise of what it would be in. 0: the file as a whole. */
  of(path: Path): number {
    for (let length = path.length; length > 0; length -= 1) {
      const line = this.#lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 0;
  }
}

/** `hosts[1].port`. */
export const pathWords = (path: Path): string =>
  path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('')
    .slice(0, 200);

/** What a format's reader makes of a text. */
export interface Parsed {
  /** Not yet known to be an object. */
  readonly value: unknown;
  readonly lines: Lines;
  readonly faults: readonly { readonly line: number; readonly message: string }[];
}
