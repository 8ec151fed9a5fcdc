/** Says to another thread, which may not wait for this one, whose code runs: for the log when it never returns. */

/** Octets: the length of the text, then the text. */
export const MARK_OCTETS = 256;

export class RunningMark {
  readonly #octets: Buffer;

  constructor(shared: SharedArrayBuffer) {
    this.#octets = Buffer.from(shared);
  }

  set(plugin: string | null, hook: string): void {
    this.#octets[0] = plugin === null ? 0 : this.#octets.write(`${plugin}: ${hook}`.slice(0, 80), 1);
  }

  /** '' if nobody's. */
  get text(): string {
    return this.#octets.toString('utf8', 1, 1 + (this.#octets[0] ?? 0));
  }
}
